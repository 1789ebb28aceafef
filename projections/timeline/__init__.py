"""What happened to this contact, in order: pointers into the log, by contact."""
