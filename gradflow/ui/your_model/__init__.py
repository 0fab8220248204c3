"""The page on anybody's own model: saved reports on Explore's stage, and a gallery."""
