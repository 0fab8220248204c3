"""Figures of training runs: loss and accuracy, layers over steps, clipping and rate."""
