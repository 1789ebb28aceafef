"""The shapes of what publishers send."""
