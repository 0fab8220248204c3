"""Figures that compute in the browser: a chain, a small network, a descent."""
