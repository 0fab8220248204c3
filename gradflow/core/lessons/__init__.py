"""Lessons: a question, a prediction, and the run that answers it; a file each in ``data/``."""
