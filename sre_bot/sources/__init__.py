"""How a system is spoken to: one plain read-only client each."""
