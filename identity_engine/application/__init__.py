"""The use cases: what the product does, each readable from top to bottom."""
