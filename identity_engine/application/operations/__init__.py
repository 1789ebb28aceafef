"""What people and systems do to contacts, interactions and cases; each call names its action."""
