"""How large an experiment may be, so that one user cannot stop a shared server.

The defaults suit a small server. ``GRADFLOW_MAX_GIB`` and ``GRADFLOW_MAX_TFLOP`` raise them.
"""

from __future__ import annotations

import os

from gradflow.core.errors import InvalidExperiment

DEFAULT_MAX_GIB = 2.0
DEFAULT_MAX_TFLOP = 0.5


def check(fans: list[tuple[int, int]], batch_size: int, itemsize: int, *, orthogonal: bool) -> None:
    """Refuse an experiment whose memory or arithmetic would exceed the limits.

    Memory: weights in float32 as drawn, in the experiment's format and their gradients; per
    layer about six arrays of batch × units. Arithmetic: 6·batch·weights for one forward and
    backward pass, 4·max·min² for each orthogonal matrix (a QR decomposition).

    Raises:
        InvalidExperiment: names the size, the limit and the settings to lower.
    """
    weights = sum(fan_in * fan_out for fan_in, fan_out in fans)
    units = sum(fan_in + fan_out for fan_in, fan_out in fans)
    gib = (weights * (4 + 2 * itemsize) + 3 * units * batch_size * itemsize) / 2**30
    flop = 6 * batch_size * weights
    if orthogonal:
        flop += sum(4 * max(fans_) * min(fans_) ** 2 for fans_ in fans)
    max_gib = float(os.environ.get("GRADFLOW_MAX_GIB", DEFAULT_MAX_GIB))
    max_tflop = float(os.environ.get("GRADFLOW_MAX_TFLOP", DEFAULT_MAX_TFLOP))
    for need, limit, unit, variable in (
        (gib, max_gib, "GiB of memory", "GRADFLOW_MAX_GIB"),
        (flop / 1e12, max_tflop, "TFLOP of arithmetic", "GRADFLOW_MAX_TFLOP"),
    ):
        if need > limit:
            raise InvalidExperiment(
                f"depth × width × batch_size: {len(fans)} layers of up to "
                f"{max(max(pair) for pair in fans)} units on {batch_size} samples need "
                f"{need:.3g} {unit}, allowed are at most {limit:g}; lower depth, width or "
                f"batch_size (the owner of this server can raise {variable})",
                fields=("depth", "width", "widths", "batch_size", "dimension"),
            )
