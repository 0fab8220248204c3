"""Figures of the lessons: curves to choose from, and the run over the prediction."""
