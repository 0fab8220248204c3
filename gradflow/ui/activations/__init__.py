"""The page on activation functions."""
