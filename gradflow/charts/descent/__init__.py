"""Descents: paths on the surface, their course, the landscape in 3-D."""
