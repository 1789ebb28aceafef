"""What a reader by SQL sees: views whose names and columns stay, whatever the tables beneath become."""
