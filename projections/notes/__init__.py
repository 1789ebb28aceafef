"""What did people write about this contact: its notes, each with everything it ever said."""
