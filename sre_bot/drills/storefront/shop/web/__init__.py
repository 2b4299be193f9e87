"""The front door: pages for people, carts into orders."""
