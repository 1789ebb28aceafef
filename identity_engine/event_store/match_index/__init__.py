"""The match index as rows: read for a batch, checked for races, written with its events."""
