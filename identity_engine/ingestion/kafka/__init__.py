"""Topics as a source: read by a consumer group, and where messages go that cannot be used."""
