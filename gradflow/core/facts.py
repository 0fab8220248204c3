"""Facts about a recorded pass that no layer shows: what entered it, what left it, and its loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from gradflow.core import plain

ODD_CHANGE = 10.0
"""Change of the gradient by a single function that is more than that of a usual one."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Size and place of all entries of a tensor.

    Attributes:
        mean, std, rms, low, high: over all entries.
        nonfinite: number of infinite and NaN entries.
        similarity: mean cosine between two different samples; NaN if there are none.
    """

    mean: float
    std: float
    rms: float
    low: float
    high: float
    nonfinite: float = 0.0
    similarity: float = math.nan

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a pass beside its layers; a report of an older file knows nothing.

    Attributes:
        loss: the kind of loss that the graph shows: ``cross_entropy``, ``nll``, ``mse``, ``l1``,
            ``bce``, ``bce_with_logits``, ``soft_margin``; empty if it is another one.
        rescaled: whether the loss is that with something done to it, a factor or a penalty.
        last_step: the operation that made the output, or that the loss function begins with, if it
            can spoil it: ``softmax``, ``log_softmax``, ``sigmoid``, ``tanh``, ``relu``, or
            ``softmax_of_samples``, which runs over the samples.
        step_before: ``relu`` if that is what such an operation is given.
        inputs, outputs, targets: their entries, of targets only if they are no class indices.
        output_spread: RMS of the outputs around their mean over the samples.
        output_shape, target_shape: as ``64×10``.
        compared_shape: that of the largest tensor between the output and the loss.
        frozen: parameters that ask for no gradient.
        unlisted: attributes of modules that hold modules or parameters in a plain list, tuple or
            dict, or a tensor that asks for a gradient: no optimizer sees them.
        readers: for each layer the first layer that reads the same tensor; empty if each layer
            reads one of its own.
        parallel: pairs of layers of which neither feeds the other, such as two embeddings whose
            outputs are added.
        unbridged: blocks of unchanged shape whose input reaches the next block through layers
            alone: they have no shortcut.
        attending: blocks in which attention is computed.
        batch_statistics: whether batch normalization used the statistics of this batch.
        flat_step: a function in the graph whose slope is 0 everywhere, looked for where a gradient
            is exactly 0.
        own_steps: functions with a backward pass of their own, and what they multiply the largest
            entry of the gradient by: of all calls what is furthest from 1, and 0 if all give 0.
    """

    loss: str = ""
    rescaled: bool = False
    last_step: str = ""
    step_before: str = ""
    inputs: Extent | None = None
    outputs: Extent | None = None
    targets: Extent | None = None
    output_spread: float = math.nan
    output_shape: str = ""
    target_shape: str = ""
    compared_shape: str = ""
    frozen: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    readers: tuple[int, ...] = ()
    parallel: tuple[tuple[int, int], ...] = ()
    unbridged: tuple[str, ...] = ()
    attending: tuple[str, ...] = ()
    batch_statistics: bool = False
    flat_step: str = ""
    own_steps: tuple[tuple[str, float], ...] = ()

    @property
    def closed_step(self) -> str:
        """The function with a backward pass of its own that passes nothing on, if there is one."""
        return next((name for name, share in self.own_steps if share == 0), "")

    @property
    def odd_step(self) -> tuple[str, float] | None:
        """The function with a backward pass of its own that changes the gradient most."""
        odd = [
            (abs(math.log(share)), name, share)
            for name, share in self.own_steps
            if 0 < share < math.inf and not 1 / ODD_CHANGE < share < ODD_CHANGE
        ]
        return max(odd)[1:] if odd else None

    @property
    def samples(self) -> int:
        """Samples in the batch; 0 if unknown."""
        first = self.output_shape.partition("×")[0]
        return int(first) if first.isdigit() else 0

    @property
    def classes(self) -> int:
        """Outputs per sample; 0 if unknown or not in rows of numbers."""
        sizes = self.output_shape.split("×")
        return int(sizes[1]) if len(sizes) == 2 else 0

    def to_dict(self) -> dict[str, Any]:
        """Write as plain data."""
        return {
            item.name: vars(value) if isinstance(value, Extent) else value
            for item in fields(self)
            for value in (getattr(self, item.name),)
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read plain data, of which anything may be missing.

        Raises:
            TypeError, ValueError, KeyError: something in it is not what it should be.
        """
        readers: dict[str, Any] = {
            **dict.fromkeys(
                (
                    *("loss", "last_step", "step_before", "flat_step"),
                    *("output_shape", "target_shape", "compared_shape"),
                ),
                plain.read_text,
            ),
            **dict.fromkeys(("inputs", "outputs", "targets"), _read_extent),
            **dict.fromkeys(("frozen", "unlisted", "unbridged", "attending"), _read_texts),
            "output_spread": plain.read_real,
            "readers": lambda values: tuple(map(plain.read_whole, plain.check_type(values, list))),
            "parallel": _read_pairs,
            "own_steps": _read_shares,
            "batch_statistics": _read_flag,
            "rescaled": _read_flag,
        }
        return cls(**{name: read(data[name]) for name, read in readers.items() if name in data})


def _read_flag(value: Any) -> bool:
    return bool(plain.check_type(value, bool))


def _read_extent(data: Any) -> Extent | None:
    if data is None:
        return None
    values = plain.check_type(data, dict)
    return Extent(**{item.name: plain.read_real(values[item.name]) for item in fields(Extent)})


def _read_pairs(values: Any) -> tuple[tuple[int, int], ...]:
    pairs = [plain.check_type(pair, list) for pair in plain.check_type(values, list)]
    return tuple((plain.read_whole(one), plain.read_whole(other)) for one, other in pairs)


def _read_shares(values: Any) -> tuple[tuple[str, float], ...]:
    pairs = [plain.check_type(pair, list) for pair in plain.check_type(values, list)]
    return tuple((plain.read_text(name), plain.read_size(share)) for name, share in pairs)


def _read_texts(values: Any) -> tuple[str, ...]:
    return tuple(map(plain.read_text, plain.check_type(values, list)))
