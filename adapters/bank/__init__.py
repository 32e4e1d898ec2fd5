"""The bank's side of a payment."""
