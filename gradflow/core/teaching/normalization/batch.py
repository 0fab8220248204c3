"""One batch pushed through a normalization, with every number on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from torch.nn import functional as F

from gradflow.core.data import load_digit_images
from gradflow.core.errors import InvalidExperiment
from gradflow.core.histogram import FloatArray
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization.sharing import IntArray, Norm, check_groups, number_sets
from gradflow.core.text import N_, Text

CHANNELS = 8
MAX_SAMPLES = 128


class BatchSource(StrEnum):
    """Codes of the batches."""

    CONVOLUTION = "convolution"
    HIDDEN = "hidden"
    IMAGES = "images"
    GAUSSIAN = "gaussian"


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A row of ``BATCHES``, one kind of batch.

    Attributes:
        label: its name.
        help: what it is made of.
        channels, height, width: its shape after the batch axis.
    """

    label: str
    help: str
    channels: int = CHANNELS
    height: int = 8
    width: int = 8


BATCHES: dict[BatchSource, SourceRow] = {
    BatchSource.CONVOLUTION: SourceRow(
        label=N_("Convolution"),
        help=N_(
            "Handwritten digits after 8 random 3×3 filters with random biases, before the "
            "activation: 8 channels of 8×8 pixels."
        ),
    ),
    BatchSource.HIDDEN: SourceRow(
        label=N_("Hidden layer"),
        help=N_(
            "Handwritten digits after 64 ReLU units and 8 linear ones with random weights and "
            "biases: 8 channels of a single pixel, as in every fully connected layer."
        ),
        height=1,
        width=1,
    ),
    BatchSource.IMAGES: SourceRow(
        label=N_("Images"),
        help=N_(
            "Handwritten digits as they are, a single channel; the pixels of all 1797 together "
            "have mean 0 and variance 1."
        ),
        channels=1,
    ),
    BatchSource.GAUSSIAN: SourceRow(
        label=N_("Gaussians"),
        help=N_(
            "8 channels of 4×4 Gaussian pixels; channel c has its own mean, from −6 to 6, and its "
            "own standard deviation, from ¼ to 4."
        ),
        height=4,
        width=4,
    ),
}
GAUSSIAN_MEANS = np.linspace(-6, 6, CHANNELS)
GAUSSIAN_STDS = 2.0 ** np.linspace(-2, 2, CHANNELS)


class PushedBatch(Spec):
    """A batch, a normalization with its parameters, and an entry to follow through it."""

    source: BatchSource = Field(
        BatchSource.CONVOLUTION, title="Batch", description="What goes into the normalization."
    )
    norm: Norm = Field(Norm.BATCH, title="Normalization", description="What shares a mean.")
    groups: int = Field(
        2, ge=1, le=CHANNELS, title="Groups G", description="Must divide the channels."
    )
    samples: int = Field(
        32, ge=2, le=MAX_SAMPLES, title="Batch size N", description="Samples in the batch."
    )
    gamma: float = Field(
        1.0, ge=-3, le=3, title="γ", description="Learned scale; a network starts with 1."
    )
    beta: float = Field(
        0.0, ge=-3, le=3, title="β", description="Learned shift; a network starts with 0."
    )
    eps: float = Field(
        1e-5, ge=1e-10, le=100, title="ε", description="Keeps the root away from 0; usually 10⁻⁵."
    )
    sample: int = Field(
        1, ge=1, le=MAX_SAMPLES, title="Sample n to follow", description="In the batch."
    )
    channel: int = Field(
        1, ge=1, le=CHANNELS, title="Channel c to follow", description="Its middle pixel."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws another batch.")

    exempt: ClassVar[frozenset[str]] = frozenset({"groups", "channel"})

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:
        """Whether a field has an effect: groups need group norm, and both need several channels."""
        if name not in cls.exempt:
            return True
        many = values.get("source", BatchSource.CONVOLUTION) != BatchSource.IMAGES
        return many and (name != "groups" or values.get("norm") == Norm.GROUP)

    @model_validator(mode="after")
    def _check_entry(self) -> Self:
        if self.norm is Norm.GROUP and self.row.channels > 1:
            check_groups(self.groups, CHANNELS)
        if self.sample > self.samples:
            allowed = Text("a whole number from 1 to {size}, the batch size", size=self.samples)
            raise InvalidExperiment.for_value("sample", self.sample, allowed)
        return self

    @property
    def row(self) -> SourceRow:
        """The row of ``BATCHES`` about the batch."""
        return BATCHES[self.source]


@dataclass(frozen=True, eq=False)
class Normalized:
    """The statistics and the result of normalizing a tensor ``x`` of shape ``(N, C, H, W)``.

    Attributes:
        numbers: number of the set of each sample and channel, shape ``(N, C)``.
        mean: mean of each set; 0 with RMS norm, which subtracts nothing.
        variance: biased variance of each set; with RMS norm the mean square.
        output: (x − mean)/√(variance + ε), shape of ``x``.
    """

    numbers: IntArray
    mean: FloatArray
    variance: FloatArray
    output: FloatArray


def normalize(x: FloatArray, numbers: IntArray, eps: float, *, centred: bool = True) -> Normalized:
    """Normalize each set of entries by its own mean and variance.

    Args:
        x: shape ``(N, C, H, W)``.
        numbers: number of the set of each sample and channel, shape ``(N, C)``, from 0 without
            gaps.
        eps: ε, added to the variance.
        centred: whether the mean is subtracted (RMS norm does not).
    """
    set_of_entry = np.broadcast_to(numbers[:, :, None, None], x.shape).ravel()
    entries = np.bincount(set_of_entry)
    mean = np.bincount(set_of_entry, x.ravel()) / entries if centred else np.zeros(len(entries))
    distance = x.ravel() - mean[set_of_entry]
    variance = np.bincount(set_of_entry, distance**2) / entries
    output = distance / np.sqrt(variance + eps)[set_of_entry]
    return Normalized(numbers, mean, variance, output.reshape(x.shape))


@dataclass(frozen=True, eq=False)
class FollowedEntry:
    """The numbers of one entry on its way through the normalization.

    Attributes:
        entries: m, how many entries share its mean.
        total: their sum; with RMS norm the sum of their squares.
        mean, variance: their mean and variance.
        x, normalized, output: the entry itself, x̂ and γ·x̂ + β.
    """

    entries: int
    total: float
    mean: float
    variance: float
    x: float
    normalized: float
    output: float


@dataclass(frozen=True, eq=False)
class PushResult:
    """A batch before and after the normalization.

    Attributes:
        before, after: all entries, shape ``(N, C, H, W)``; ``after`` is γ·x̂ + β.
        own: whether a sample and channel share statistics with the followed entry, ``(N, C)``.
        statistics: the statistics of every set, and x̂.
        followed: the numbers of the followed entry.
    """

    before: FloatArray
    after: FloatArray
    own: npt.NDArray[np.bool_]
    statistics: Normalized
    followed: FollowedEntry


def push(spec: PushedBatch) -> PushResult:
    """Push a batch through the normalization, x → γ·(x − μ)/√(σ² + ε) + β.

    μ and σ² are those of the entries that share them; RMS norm has no μ, and the mean square
    for σ².
    """
    x = draw_pushed_batch(spec)
    groups = spec.groups if spec.row.channels > 1 else 1
    numbers = number_sets(spec.norm, x.shape[0], x.shape[1], groups)
    centred = spec.norm is not Norm.RMS
    statistics = normalize(x, numbers, spec.eps, centred=centred)
    after = spec.gamma * statistics.output + spec.beta
    at = (spec.sample - 1, min(spec.channel, x.shape[1]) - 1, x.shape[2] // 2, x.shape[3] // 2)
    number = numbers[at[:2]]
    own = numbers == number
    members = x[own]
    followed = FollowedEntry(
        entries=members.size,
        total=float(members.sum() if centred else np.square(members).sum()),
        mean=float(statistics.mean[number]),
        variance=float(statistics.variance[number]),
        x=float(x[at]),
        normalized=float(statistics.output[at]),
        output=float(after[at]),
    )
    return PushResult(x, after, own, statistics, followed)


def draw_pushed_batch(spec: PushedBatch) -> FloatArray:
    """Draw the batch of a seed, shape ``(N, C, H, W)``."""
    random = np.random.default_rng(spec.seed)
    if spec.source is BatchSource.GAUSSIAN:
        shape = (spec.samples, CHANNELS, spec.row.height, spec.row.width)
        means, stds = GAUSSIAN_MEANS[:, None, None], GAUSSIAN_STDS[:, None, None]
        return np.asarray(means + stds * random.standard_normal(shape))
    pixels = load_digit_images()[0]
    images = pixels[random.choice(len(pixels), spec.samples, replace=False)]
    if spec.source is BatchSource.IMAGES:
        return images.reshape(-1, 1, 8, 8)
    if spec.source is BatchSource.HIDDEN:
        hidden = np.maximum(images @ random.normal(0, math.sqrt(2 / 64), (64, 64)), 0)
        weight, bias = random.normal(0, math.sqrt(2 / 64), (64, CHANNELS)), _draw_biases(random)
        return np.asarray(hidden @ weight + bias).reshape(-1, CHANNELS, 1, 1)
    filters, bias = random.normal(0, math.sqrt(2 / 9), (CHANNELS, 1, 3, 3)), _draw_biases(random)
    squares = torch.from_numpy(images.reshape(-1, 1, 8, 8))
    output = F.conv2d(squares, torch.from_numpy(filters), torch.from_numpy(bias), padding=1)
    return np.asarray(output.numpy())


def _draw_biases(random: np.random.Generator) -> FloatArray:
    return random.normal(0, 1, CHANNELS)
