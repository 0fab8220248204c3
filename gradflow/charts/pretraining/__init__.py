"""Figures of the page on pretraining."""
