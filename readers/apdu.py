"""Command and response APDUs (ISO 7816-4), pure."""
