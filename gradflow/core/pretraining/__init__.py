"""Greedy layer-wise pretraining of a stack, fine-tuning from it, and reuse of layers."""
