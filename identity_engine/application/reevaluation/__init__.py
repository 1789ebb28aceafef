"""Final clusters: components, what differs from the links in force, and rehearsal of other rules."""
