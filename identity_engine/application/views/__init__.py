"""Views that follow the log: kept at its head, built anew, verified."""
