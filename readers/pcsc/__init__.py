"""PC/SC: a thread a reader, a deadline on every exchange."""
