"""Files as a source: opened, cut into lines, mapped, read on from where the last run stopped."""
