"""Activation functions: curves, slopes, sectors, units that die."""
