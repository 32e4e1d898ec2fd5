"""Clients of the doors, for people who integrate; nothing in the daemon imports them."""
