"""Figures of the page on normalization."""
