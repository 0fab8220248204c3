"""Gradient flow through time: specs, sequences, recording, theory, comparisons, clipping."""
