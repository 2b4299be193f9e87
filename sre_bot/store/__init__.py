"""What is kept: one module per noun; the schema is under alembic."""
