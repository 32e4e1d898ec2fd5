"""Readers on other machines: an agent beside them, a door here, cards' commands between the two."""
