"""Greedy layer-wise pretraining of a stack, what it does for fine-tuning, and reuse of layers."""
