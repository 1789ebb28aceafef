"""What the world outside is told: public events and profiles, and the relay that sends them."""
