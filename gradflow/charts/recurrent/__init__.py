"""Figures on gradients through time."""
