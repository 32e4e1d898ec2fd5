"""The process: the one place that sees everything, and decides nothing."""
