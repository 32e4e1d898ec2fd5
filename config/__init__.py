"""Typed settings. Stands on the ground: imports nothing of ours."""
