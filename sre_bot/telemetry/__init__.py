"""What the program tells of itself: its log (`logs`) and its metrics (`metrics`)."""
