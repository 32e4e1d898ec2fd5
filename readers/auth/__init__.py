"""Keys and PINs: what a card wants proved before it opens, who computes it, and what owns the card meanwhile."""
