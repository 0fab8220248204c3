"""What the columns of a report's tables hold, and how an entry of a file is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradflow.core import plain

TEXTS = {"module", "kind", "shape", "parameter"}
INTEGERS = {"order", "layer", "fan_in", "fan_out", "nonfinite"}  # never unknown (NaN)
_COUNTS = {"dead_units", "grad_nonfinite"}
_SHARES = {"saturated", "zero", "grad_zero"}
_SIGNED = {"mean", "min", "max", "grad_mean", "preactivation_mean", "activation_mean"}


def find_reader(column: str) -> Callable[[Any], Any]:
    """Find what reads an entry of a column: all that is not listed is a norm or the like."""
    if column in TEXTS:
        return plain.read_text
    if column in INTEGERS:
        return plain.read_whole
    if column in _COUNTS:
        return plain.read_count
    if column in _SHARES:
        return plain.read_share
    if column == "similarity":
        return plain.read_cosine
    return plain.read_real if column in _SIGNED else plain.read_size
