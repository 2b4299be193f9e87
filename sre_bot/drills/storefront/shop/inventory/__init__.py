"""What we sell and how much of it is on the shelf."""
