"""Limits on the size of an experiment, so that one user cannot stop a shared server.

The defaults suit a small server. ``GRADFLOW_MAX_GIB`` and ``GRADFLOW_MAX_TFLOP`` raise them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import Text

DEFAULT_MAX_GIB = 2.0
DEFAULT_MAX_TFLOP = 0.5


class LayerSize(NamedTuple):
    """The size of one weight layer.

    Attributes:
        fan_in: numbers that enter one output.
        fan_out: outputs, or output channels.
        positions: pixels or tokens at which it is applied.
        channels_in: numbers per position that it reads; 0: ``fan_in``.
    """

    fan_in: int
    fan_out: int
    positions: int = 1
    channels_in: int = 0


def estimate_need(
    layers: Sequence[LayerSize], batch_size: int, itemsize: int, *, orthogonal: bool
) -> tuple[float, float]:
    """Estimate the GiB of memory and the TFLOP of arithmetic that an experiment takes.

    Memory: weights in float32 as drawn, in the experiment's format and their gradients; per
    layer about six arrays of batch × units. Arithmetic: 6·batch·weights·positions for one forward
    and backward pass, 4·max·min² for each orthogonal matrix (a QR decomposition).
    """
    weights = sum(layer.fan_in * layer.fan_out for layer in layers)
    units = sum((n.channels_in or n.fan_in) * n.positions + n.fan_out * n.positions for n in layers)
    gib = (weights * (4 + 2 * itemsize) + 3 * units * batch_size * itemsize) / 2**30
    flop = 6 * batch_size * count_products(layers)
    if orthogonal:
        flop += sum(4 * max(n[:2]) * min(n[:2]) ** 2 for n in layers)
    return gib, flop / 1e12


def count_products(layers: Sequence[LayerSize]) -> int:
    """Count the products of a weight and a signal in the forward pass of one sample."""
    return sum(layer.fan_in * layer.fan_out * layer.positions for layer in layers)


def read_limits() -> tuple[float, float]:
    """Read how many GiB of memory and TFLOP of arithmetic an experiment may take."""
    return (
        float(os.environ.get("GRADFLOW_MAX_GIB", DEFAULT_MAX_GIB)),
        float(os.environ.get("GRADFLOW_MAX_TFLOP", DEFAULT_MAX_TFLOP)),
    )


def refuse_too_large(
    layers: Sequence[LayerSize],
    batch_size: int,
    itemsize: int,
    *,
    orthogonal: bool,
    shape: Text,
    sizes: Mapping[str, str],
) -> None:
    """Refuse an experiment that would take more memory or arithmetic than the limits allow.

    Args:
        layers: the sizes of all weight layers.
        batch_size: samples of the pass.
        itemsize: bytes of a number.
        orthogonal: whether drawing the weights takes a QR decomposition of each.
        shape: the size of the network in words.
        sizes: the settings to lower → the labels of their controls.

    Raises:
        InvalidExperiment: names the size, the limit and the settings to lower.
    """
    needs = estimate_need(layers, batch_size, itemsize, orthogonal=orthogonal)
    names = (
        (Text("GiB of memory"), "GRADFLOW_MAX_GIB"),
        (Text("TFLOP of arithmetic"), "GRADFLOW_MAX_TFLOP"),
    )
    for needed, limit, (unit, variable) in zip(needs, read_limits(), names, strict=True):
        if needed > limit:
            message = Text(
                "{fields}: {shape} on {batch_size} samples need {needed} {unit}, allowed are at "
                "most {limit}; lower one or more of {titles} and “Batch size” (the owner of "
                "this server can raise {variable})",
                fields=", ".join((*sizes, "batch_size")),
                shape=shape,
                batch_size=batch_size,
                needed=needed,
                unit=unit,
                limit=limit,
                titles=", ".join(f"“{title}”" for title in sizes.values()),
                variable=variable,
            )
            raise InvalidExperiment(message, fields=(*sizes, "widths", "batch_size", "dimension"))


def count_seeds_at_once(count: int, gib: float, tflop: float, most: int) -> int:
    """Count the seeds of an experiment that fit into one batch: at most ``most``.

    Args:
        count: seeds in all.
        gib: memory that one seed takes, see ``estimate_need``; a single one always fits.
        tflop: arithmetic that one seed takes.
        most: the largest batch worth making.

    Raises:
        InvalidExperiment: all seeds together take more arithmetic than one experiment may.
    """
    max_gib, max_tflop = read_limits()
    if count * tflop > max_tflop:
        message = Text(
            "count: {count} seeds of this network need {needed} TFLOP of arithmetic, allowed "
            "are at most {limit}; choose at most {possible} seeds, or a smaller network or batch "
            "(the owner of this server can raise GRADFLOW_MAX_TFLOP)",
            count=count,
            needed=count * tflop,
            limit=max_tflop,
            possible=max(int(max_tflop / tflop), 1),
        )
        raise InvalidExperiment(message, fields=("count",))
    return max(min(count, most, int(max_gib / gib)), 1)
