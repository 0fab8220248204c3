"""Sweeps: one setting varied over a grid, thousands of networks, a table of what they measure.

``grid`` says which networks, ``measures`` what is kept of each, ``jobs`` which of them run as one,
``engine`` runs them, and ``store`` keeps what is done on disk.
"""

from gradflow.core.sweep.engine import run_networks, sweep
from gradflow.core.sweep.grid import Grid
from gradflow.core.sweep.measures import MEASURES, Fate

__all__ = ["MEASURES", "Fate", "Grid", "run_networks", "sweep"]
