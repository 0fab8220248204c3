"""Figures on what a normalization does: gradient flow, weight scale, learning rate."""
