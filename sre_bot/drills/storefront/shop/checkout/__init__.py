"""Takes an order from cart to paid."""
