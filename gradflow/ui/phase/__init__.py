"""The page on phase diagrams: a measure of thousands of networks over two settings."""
