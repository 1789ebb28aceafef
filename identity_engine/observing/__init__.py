"""What work tells of itself while it runs: a logbook without personal values."""
