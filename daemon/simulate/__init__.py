"""The seeded simulator: the real flow, engine and store in one process, in a world that lies, loses, delays and crashes."""
