"""Read models: every view is a replay of the events, and can be thrown away and built again."""
