"""What the model may ask: one module per kind of question, over protocols that sources happen to fit."""
