"""What sources outside say of a contact, and what is taken over from them."""
