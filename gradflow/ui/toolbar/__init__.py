"""Settings in a row above a figure, which follows while they are changed."""
