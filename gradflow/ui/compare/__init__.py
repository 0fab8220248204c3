"""The page that compares settings."""
