"""What happened with whom, when and by which agent: interactions as conversations, in sessions."""
