"""Figures on the effects of a normalization: gradient flow, weight scale, learning rate."""
