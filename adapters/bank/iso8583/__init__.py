"""A bank's or acquirer's host by ISO 8583, in the style of Chinese POS networks."""
