"""Figures of sweeps: a map over two settings, curves over one."""
