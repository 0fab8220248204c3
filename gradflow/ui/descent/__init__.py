"""The page on descent on a surface."""
