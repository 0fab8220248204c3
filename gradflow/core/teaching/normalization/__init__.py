"""Normalization: which entries share a mean, one batch, running statistics, small batches.

All in float64.
"""
