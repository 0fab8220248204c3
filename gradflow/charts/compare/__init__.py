"""Several reports on shared axes."""
