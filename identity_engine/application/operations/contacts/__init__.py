"""What people do to one contact: edit it, claim for it, note, promote, delete, let it expire."""
