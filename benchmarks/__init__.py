"""Benchmarks: all of them with ``python -m benchmarks``, one with … ``recording``."""
