"""Which cases are there, where does each lie, and what happened in it."""
