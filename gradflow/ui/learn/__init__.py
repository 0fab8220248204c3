"""The page of lessons: predict, then see the run."""
