"""One durable, hash-chained journal; every read model is derived from it."""
