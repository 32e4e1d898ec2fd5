"""``run.py conformance``: everything that a region's profile can do, done once at a centre, as a table."""
