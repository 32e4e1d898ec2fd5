"""The bureau's door: settlement rows over HTTP, in sealed order, provable by their chain."""
