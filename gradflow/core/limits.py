"""How large an experiment may be, so that one user cannot stop a shared server.

The defaults suit a small server. ``GRADFLOW_MAX_GIB`` and ``GRADFLOW_MAX_TFLOP`` raise them.
"""

from __future__ import annotations

import os

from gradflow.core.errors import InvalidExperiment

DEFAULT_MAX_GIB = 2.0
DEFAULT_MAX_TFLOP = 0.5


def need(
    fans: list[tuple[int, int]], batch_size: int, itemsize: int, *, orthogonal: bool
) -> tuple[float, float]:
    """GiB of memory and TFLOP of arithmetic that an experiment takes.

    Memory: weights in float32 as drawn, in the experiment's format and their gradients; per
    layer about six arrays of batch × units. Arithmetic: 6·batch·weights for one forward and
    backward pass, 4·max·min² for each orthogonal matrix (a QR decomposition).
    """
    weights = sum(fan_in * fan_out for fan_in, fan_out in fans)
    units = sum(fan_in + fan_out for fan_in, fan_out in fans)
    gib = (weights * (4 + 2 * itemsize) + 3 * units * batch_size * itemsize) / 2**30
    flop = 6 * batch_size * weights
    if orthogonal:
        flop += sum(4 * max(fans_) * min(fans_) ** 2 for fans_ in fans)
    return gib, flop / 1e12


def allowed() -> tuple[float, float]:
    """GiB of memory and TFLOP of arithmetic that an experiment may take."""
    return (
        float(os.environ.get("GRADFLOW_MAX_GIB", DEFAULT_MAX_GIB)),
        float(os.environ.get("GRADFLOW_MAX_TFLOP", DEFAULT_MAX_TFLOP)),
    )


def check(fans: list[tuple[int, int]], batch_size: int, itemsize: int, *, orthogonal: bool) -> None:
    """Refuse an experiment whose memory or arithmetic (see ``need``) would exceed the limits.

    Raises:
        InvalidExperiment: names the size, the limit and the settings to lower.
    """
    needs = need(fans, batch_size, itemsize, orthogonal=orthogonal)
    names = (
        ("GiB of memory", "GRADFLOW_MAX_GIB"),
        ("TFLOP of arithmetic", "GRADFLOW_MAX_TFLOP"),
    )
    for needed, limit, (unit, variable) in zip(needs, allowed(), names, strict=True):
        if needed > limit:
            raise InvalidExperiment(
                f"depth × width × batch_size: {len(fans)} layers of up to "
                f"{max(max(pair) for pair in fans)} units on {batch_size} samples need "
                f"{needed:.3g} {unit}, allowed are at most {limit:g}; lower depth, width or "
                f"batch_size (the owner of this server can raise {variable})",
                fields=("depth", "width", "widths", "batch_size", "dimension"),
            )


def seeds_at_once(count: int, gib: float, tflop: float, most: int) -> int:
    """How many of ``count`` seeds of an experiment fit into one batch: at most ``most``.

    Args:
        count: seeds in all.
        gib: memory that one seed takes, see ``need``; one alone always fits.
        tflop: arithmetic that one seed takes.
        most: the largest batch worth making.

    Raises:
        InvalidExperiment: all seeds together take more arithmetic than one experiment may.
    """
    max_gib, max_tflop = allowed()
    if count * tflop > max_tflop:
        raise InvalidExperiment(
            f"count: {count} seeds of this network need {count * tflop:.3g} TFLOP of arithmetic, "
            f"allowed are at most {max_tflop:g}; choose at most {max(int(max_tflop / tflop), 1)} "
            "seeds, or lower depth, width or batch_size (the owner of this server can raise "
            "GRADFLOW_MAX_TFLOP)",
            fields=("count",),
        )
    return max(min(count, most, int(max_gib / gib)), 1)
