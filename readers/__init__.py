"""The card side: drivers, and declarations of card files."""
