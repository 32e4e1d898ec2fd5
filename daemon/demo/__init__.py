"""The demo: whole visits through the public door, told step by step."""
