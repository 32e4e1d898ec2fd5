"""The insurance centre: its transactions declared once, and the dialects that carry them."""
