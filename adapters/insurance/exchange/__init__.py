"""What every dialect shares: words to fields and back, one POST that is never repeated, evidence to outcome."""
