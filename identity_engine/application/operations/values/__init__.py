"""Values that people enter: checked, claimed, and vouched for."""
