"""A store in a folder of SQLite files: the log, generations of views, and locks."""
