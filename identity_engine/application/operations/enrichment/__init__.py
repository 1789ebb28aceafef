"""Contacts filled from records of another system (GX-13)."""
