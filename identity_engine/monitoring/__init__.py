"""Health and metrics of work that runs long, told over HTTP beside it."""
