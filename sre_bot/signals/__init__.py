"""Numbers in, facts and suspects out: pure functions, no I/O."""
