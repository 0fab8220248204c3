"""Figures on depth: plain against residual networks."""
