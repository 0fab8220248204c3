"""The page on initialization."""
