"""What people do to interactions: link, unlink, review, follow a conversation."""
