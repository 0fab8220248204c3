"""Figures of the page on initialization."""
