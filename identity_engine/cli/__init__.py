"""The command line: one verb a function, one file a theme; nothing here decides anything."""
