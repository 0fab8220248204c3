"""The page on gradients through time."""
