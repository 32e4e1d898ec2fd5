"""The process: the one place that sees everything, and decides nothing."""

VERSION = "0.1.0"
