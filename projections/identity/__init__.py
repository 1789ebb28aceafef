"""Who is one with whom: every contact, the merges in force, and which id stands for each identity."""
