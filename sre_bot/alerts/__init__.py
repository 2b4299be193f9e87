"""What alerts say taken together: the summary of what fires and of what fired most."""
