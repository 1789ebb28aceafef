"""What people do with cases, and what they see of them."""
