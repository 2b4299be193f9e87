"""What a human sees, whatever the door."""
