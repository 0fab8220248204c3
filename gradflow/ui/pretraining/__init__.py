"""The page on pretraining."""
