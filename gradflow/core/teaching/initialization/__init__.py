"""What the page on initialization computes."""
