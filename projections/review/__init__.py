"""What should a person decide: interactions in doubt, with the contact that was proposed."""
