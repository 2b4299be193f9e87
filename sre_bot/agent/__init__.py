"""The loop between a model and its tools, and what holds the model to its evidence."""
