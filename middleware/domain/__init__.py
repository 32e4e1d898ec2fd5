"""Vocabularies, pure: what the hospital, the centre and the card are to each other, and nothing about wires."""
