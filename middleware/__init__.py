"""The house: domain, flow, engine, store, doors."""
