"""What one batch of interactions goes through: prepared, looked up, decided, told."""
