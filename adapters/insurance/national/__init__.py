"""The national platform: one POST of JSON for every transaction, in a common envelope (insurance.md 1)."""
