"""Takes money, through the card processor."""
