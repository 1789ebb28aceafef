"""What should a person decide: interactions in doubt, and merges that the rules may not do."""
