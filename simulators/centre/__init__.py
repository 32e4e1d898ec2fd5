"""An insurance centre behind a real SOAP server: people, splits, accounts, a ledger, and knobs that make it misbehave."""
