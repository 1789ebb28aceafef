"""What many tests need: a clock that only goes forward, and interactions in short."""
