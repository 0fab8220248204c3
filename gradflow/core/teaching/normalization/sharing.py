"""The sets of entries of a tensor [N, C, H, W] that share one mean and variance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.text import N_, Text

IntArray = npt.NDArray[np.int64]


class Norm(StrEnum):
    """Codes of the normalizations."""

    BATCH = "batch"
    LAYER = "layer"
    INSTANCE = "instance"
    GROUP = "group"
    RMS = "rms"


@dataclass(frozen=True, kw_only=True)
class NormRow:
    """A row of ``NORMS``, a normalization.

    Attributes:
        label: its name.
        axes: the axes that its mean runs over, in words.
        formula: its mean in LaTeX.
        paper: the paper that proposed it.
    """

    label: str
    axes: str
    formula: str
    paper: str


NORMS: dict[Norm, NormRow] = {
    Norm.BATCH: NormRow(
        label=N_("Batch norm"),
        axes=N_("over N, H, W: one mean per channel"),
        formula=r"\mu_{c} = \frac{1}{NHW}\sum_{n,h,w} x",
        paper="Ioffe & Szegedy 2015",
    ),
    Norm.LAYER: NormRow(
        label=N_("Layer norm"),
        axes=N_("over C, H, W: one mean per sample"),
        formula=r"\mu_{n} = \frac{1}{CHW}\sum_{c,h,w} x",
        paper="Ba et al. 2016",
    ),
    Norm.INSTANCE: NormRow(
        label=N_("Instance norm"),
        axes=N_("over H, W: one mean per sample and channel"),
        formula=r"\mu_{nc} = \frac{1}{HW}\sum_{h,w} x",
        paper="Ulyanov et al. 2016",
    ),
    Norm.GROUP: NormRow(
        label=N_("Group norm"),
        axes=N_("over H, W and C/G channels: one mean per sample and group"),
        formula=r"\mu_{ng} = \frac{G}{CHW}\sum_{c\in g,h,w} x",
        paper="Wu & He 2018",
    ),
    Norm.RMS: NormRow(
        label=N_("RMS norm"),
        axes=N_("over C, H, W, without a mean: one root mean square per sample"),
        formula=r"\mathrm{ms}_{n} = \frac{1}{CHW}\sum_{c,h,w} x^2",
        paper="Zhang & Sennrich 2019",
    ),
}
DRAWN_NORMS = (Norm.BATCH, Norm.LAYER, Norm.INSTANCE, Norm.GROUP)
"""The normalizations that the page draws; RMS norm has the sets of layer norm."""


class NormalizedBlock(Spec):
    """The sizes of a tensor [N, C, H, W], and an entry of it."""

    samples: int = Field(4, ge=1, le=8, title="Samples N", description="The batch.")
    channels: int = Field(6, ge=1, le=12, title="Channels C", description="Or units, or features.")
    height: int = Field(
        3, ge=1, le=6, title="Height H", description="H = W = 1 is a fully connected layer."
    )
    width: int = Field(3, ge=1, le=6, title="Width W", description="Pixels in a row.")
    groups: int = Field(
        2, ge=1, le=12, title="Groups G", description="Of group norm; must divide the channels."
    )
    sample: int = Field(2, ge=1, le=8, title="Chosen entry: sample n", description="From the left.")
    channel: int = Field(
        2, ge=1, le=12, title="Chosen entry: channel c", description="From the front."
    )

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:  # noqa: ARG003 - the base class's signature
        """Whether a field has an effect, which all of them have."""
        return True

    @model_validator(mode="after")
    def _check_entry(self) -> Self:
        check_groups(self.groups, self.channels)
        for name, value, size in (
            ("sample", self.sample, self.samples),
            ("channel", self.channel, self.channels),
        ):
            if value > size:
                allowed = Text(
                    "a whole number from 1 to {size}, the number of {name}s", size=size, name=name
                )
                raise InvalidExperiment.for_value(name, value, allowed)
        return self


def list_divisors(number: int) -> list[int]:
    """List all divisors, increasing."""
    return [d for d in range(1, number + 1) if number % d == 0]


def check_groups(groups: int, channels: int) -> None:
    """Raise ``InvalidExperiment`` unless the groups are of equal size."""
    if channels % groups:
        allowed = ", ".join(map(str, list_divisors(channels)))
        message = Text(
            "groups: {groups} does not divide the {channels} channels; choose one of {allowed}",
            groups=groups,
            channels=channels,
            allowed=allowed,
        )
        raise InvalidExperiment(message, fields=("groups",))


def number_sets(norm: Norm, samples: int, channels: int, groups: int) -> IntArray:
    """Number the set of each sample and channel: entries of one set share a mean.

    Pixels never matter: every normalization averages over H and W.

    Args:
        norm: the normalization.
        samples: N.
        channels: C.
        groups: G, used by group norm only; C/G neighbouring channels form a group.

    Returns:
        Shape ``(N, C)``, numbers from 0 without gaps.
    """
    n, c = np.indices((samples, channels))
    match norm:
        case Norm.BATCH:
            return c
        case Norm.LAYER | Norm.RMS:
            return n
        case Norm.INSTANCE:
            return np.asarray(n * channels + c)
        case Norm.GROUP:
            return np.asarray(n * groups + c // (channels // groups))


@dataclass(frozen=True, eq=False)
class Sets:
    """The sets of one normalization over a block.

    Attributes:
        norm: the normalization.
        numbers: number of the set of each sample and channel, shape ``(N, C)``.
        chosen: whether they share a mean with the chosen entry, shape ``(N, C)``.
        count: number of sets, i.e. of means.
        entries: number of entries in each set, pixels included.
    """

    norm: Norm
    numbers: IntArray
    chosen: npt.NDArray[np.bool_]
    count: int
    entries: int


def list_block_sets(block: NormalizedBlock) -> list[Sets]:
    """List the sets of each of ``DRAWN_NORMS`` over a block."""
    every = []
    total = block.samples * block.channels * block.height * block.width
    for norm in DRAWN_NORMS:
        numbers = number_sets(norm, block.samples, block.channels, block.groups)
        count = int(numbers.max()) + 1
        own = numbers[block.sample - 1, block.channel - 1]
        every.append(Sets(norm, numbers, numbers == own, count, total // count))
    return every


def find_coincidences(every: list[Sets]) -> list[list[Norm]]:
    """Find the normalizations that divide a block into the same sets, two or more at a time."""
    alike: dict[bytes, list[Norm]] = {}
    for sets in every:
        # Numbered by first appearance, equal partitions are equal arrays.
        _values, first, inverse = np.unique(sets.numbers, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        alike.setdefault(order[inverse].tobytes(), []).append(sets.norm)
    return [norms for norms in alike.values() if len(norms) > 1]
