"""What does the CRM know of us: records linked to interactions, what is due, and what was written."""
