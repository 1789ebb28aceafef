"""Which contact is it: search by whole and part words over everything a contact was called."""
