"""Declarations of card files, one module a card kind, each row with its own test vector."""
