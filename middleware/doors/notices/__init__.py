"""Where the channel of mobile payment says by itself that an order was paid (6302)."""
