"""The Explore page: one experiment, its report, its cures."""
