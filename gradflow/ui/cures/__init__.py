"""The panels of cures, above any live figure."""
