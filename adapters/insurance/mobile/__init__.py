"""Mobile payment at the centre: declared, written and read. No flow of the daemon sends it (docs/transactions.md)."""
