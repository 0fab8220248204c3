"""The page on normalization."""
