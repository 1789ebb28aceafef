"""Who is this contact: one profile from all its interactions, each value with its origins."""
