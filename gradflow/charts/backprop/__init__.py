"""Backpropagation: the chain, and the small network as a graph."""
