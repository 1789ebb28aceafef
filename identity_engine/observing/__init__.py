"""What long-running work tells of itself: a logbook without personal values, health and metrics."""
