"""Benchmarks: ``python -m benchmarks`` for those that take no minutes, … ``pages`` for one."""
