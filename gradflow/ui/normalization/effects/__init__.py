"""What a normalization does to a network: the last three views of the page."""
