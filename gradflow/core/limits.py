"""Limits on the size of an experiment, so that one user cannot stop a shared server.

The defaults suit a small server; its owner can raise them (``core/environment.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gradflow.core.catalog import DTYPES, DType
from gradflow.core.environment import MAX_GIB, MAX_TFLOP, read_limits
from gradflow.core.errors import InvalidExperiment
from gradflow.core.speed import describe_arithmetic
from gradflow.core.text import Text

GIB = 2**30


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
    layers: Sequence[LayerSize],
    batch_size: int,
    itemsize: int,
    *,
    orthogonal: bool,
    slowness: int = 1,
) -> tuple[float, float]:
    """Estimate the GiB of memory that an experiment takes at most, and its TFLOP of arithmetic.

    Memory: weights in float32 as drawn, in the experiment's format and their gradients; per
    layer six arrays of batch × units, of which most networks keep one to three. Arithmetic:
    6·batch·weights·positions for one forward and backward pass, ``slowness`` times where the
    processor takes so long for them; 4·max·min² for each orthogonal matrix (a QR decomposition, in
    float32).
    """
    weights = sum(layer.fan_in * layer.fan_out for layer in layers)
    units = sum((n.channels_in or n.fan_in) * n.positions + n.fan_out * n.positions for n in layers)
    gib = (weights * (4 + 2 * itemsize) + 3 * units * batch_size * itemsize) / GIB
    flop = 6 * slowness * batch_size * count_products(layers)
    if orthogonal:
        flop += sum(4 * max(n[:2]) * min(n[:2]) ** 2 for n in layers)
    return gib, flop / 1e12


def count_least_bytes(layers: Sequence[LayerSize], batch_size: int, itemsize: int) -> int:
    """Count the bytes that an experiment takes at least.

    They are those of the weights, and of the inputs of all weight layers, which autograd keeps, or
    of the weights' gradients.
    """
    weights = sum(layer.fan_in * layer.fan_out for layer in layers)
    inputs = sum((n.channels_in or n.fan_in) * n.positions for n in layers[1:])
    return itemsize * (weights + max(weights, inputs * batch_size))


def count_products(layers: Sequence[LayerSize]) -> int:
    """Count the products of a weight and a signal in the forward pass of one sample."""
    return sum(layer.fan_in * layer.fan_out * layer.positions for layer in layers)


class Size(NamedTuple):
    """What makes an experiment large, in words.

    Attributes:
        shape: the size of the network.
        batch_size: samples of the pass.
        titles: the settings to lower → the labels of their controls.
    """

    shape: Text
    batch_size: int
    titles: Mapping[str, str]

    def refuse(self, needed: Text, allowed: Text) -> InvalidExperiment:
        """Make the error that says what is needed, what is allowed, and what to lower."""
        message = Text(
            "{fields}: {shape} on {batch_size} samples need {needed}, {allowed}; lower one or more "
            "of {titles} and “Batch size”",
            fields=", ".join((*self.titles, "batch_size")),
            shape=self.shape,
            batch_size=self.batch_size,
            needed=needed,
            allowed=allowed,
            titles=", ".join(f"“{title}”" for title in self.titles.values()),
        )
        return InvalidExperiment(message, (*self.titles, "widths", "batch_size", "dimension"))


def refuse_too_large(
    layers: Sequence[LayerSize],
    batch_size: int,
    dtype: DType,
    *,
    orthogonal: bool,
    slowness: int,
    size: Size,
) -> None:
    """Refuse an experiment that is sure to take more memory or arithmetic than the limits allow.

    Args:
        layers: the sizes of all weight layers.
        batch_size: samples of the pass.
        dtype: its number format.
        orthogonal: whether drawing the weights takes a QR decomposition of each.
        slowness: see ``speed.find_slowness``.
        size: the same in words.

    Raises:
        InvalidExperiment: names the size, the limit and the settings to lower.
    """
    itemsize = DTYPES[dtype].dtype.itemsize
    refuse_memory(count_least_bytes(layers, batch_size, itemsize), size)
    _gib, needed = estimate_need(
        layers, batch_size, itemsize, orthogonal=orthogonal, slowness=slowness
    )
    limit = read_limits()[1]
    if needed > limit:
        raise size.refuse(
            describe_arithmetic(needed, dtype, slowness), describe_limit(limit, MAX_TFLOP)
        )


def refuse_memory(needed: int, size: Size) -> None:
    """Refuse an experiment that takes more memory than one may.

    Args:
        needed: bytes.
        size: the experiment in words.

    Raises:
        InvalidExperiment: names the size, the limit and the settings to lower.
    """
    limit = read_limits()[0]
    if needed > limit * GIB:
        raise size.refuse(Text("{n} GiB of memory", n=needed / GIB), describe_limit(limit, MAX_GIB))


def describe_limit(limit: float, variable: str) -> Text:
    """Say what is allowed, and who can allow more."""
    return Text(
        "allowed are at most {limit} (the owner of this server can raise {variable})",
        limit=limit,
        variable=variable,
    )


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
