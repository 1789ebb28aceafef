"""Who is one person, by hand: merge, unmerge, tell apart, and what goes over with it."""
