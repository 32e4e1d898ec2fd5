"""Python clients that need the standard library only."""
