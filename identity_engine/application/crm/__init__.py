"""Telling the CRM: what falls due, what is sent, and how the answer is noted."""
