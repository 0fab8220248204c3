"""The settings of a batch of data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from gradflow.core.catalog import SOURCES, TARGETS, Architecture, Inputs, Source, Targets
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.text import Text

MAX_BATCH = 10_000
MAX_DIMENSION = 4096


class Data(Spec):
    """A batch of inputs and what is asked about them, drawn from the experiment's seed.

    Inputs are ``scale``·x + ``offset``, with x standardized or in the source's own units. Targets
    are class indices, or real numbers ``target_scale``·y + ``target_offset``, with y of mean 0 and
    variance 1.
    """

    source: Source = Field(Source.DIGITS, title="Data", description="Where the inputs come from.")
    batch_size: int = Field(
        256, ge=1, le=MAX_BATCH, title="Batch size", description="Samples in the one pass."
    )
    dimension: int = Field(
        64, ge=1, le=MAX_DIMENSION, title="Input dimension", description="Numbers per sample."
    )
    inputs: Inputs = Field(
        Inputs.STANDARDIZED, title="Inputs", description="The units that they come in."
    )
    scale: float = Field(
        1.0,
        gt=0,
        le=1e6,
        title="Input scale",
        description="Factor on all inputs: the standard deviation of standardized ones. Raw "
        "pixels times 16 go from 0 to 256.",
    )
    offset: float = Field(
        0.0,
        ge=-1e6,
        le=1e6,
        title="Input offset",
        description="Added to all inputs: the mean of standardized ones.",
    )
    correlation: float = Field(
        0.0, ge=0, le=1, title="Correlation", description="Between any two samples; 1: all equal."
    )
    noise: float = Field(
        0.1, ge=0, le=1, title="Noise", description="Spread around the curves, before scaling."
    )
    targets: Targets = Field(
        Targets.CLASSES, title="Targets", description="What the network is asked for."
    )
    target_scale: float = Field(
        1.0,
        gt=0,
        le=1e12,
        title="Target scale",
        description="Standard deviation of the numbers: of prices, say, 10⁵.",
    )
    target_offset: float = Field(
        0.0, ge=-1e12, le=1e12, title="Target offset", description="Mean of the numbers."
    )

    @classmethod
    def applies(cls, name: str, values: Mapping[str, Any]) -> bool:
        """Return whether a field has an effect; the network sets the size of images."""
        if name == "dimension" and values.get("architecture", Architecture.MLP) != Architecture.MLP:
            return False
        return super().applies(name, values)

    @model_validator(mode="after")
    def _refuse_too_few_samples(self) -> Self:
        samples = SOURCES[self.source].samples
        if samples is not None and self.batch_size > samples:
            message = Text(
                "batch_size: {batch_size} is not allowed; the {source} data has {samples} samples, "
                "choose a whole number from 1 to {samples} or other data",
                batch_size=self.batch_size,
                source=self.source,
                samples=samples,
            )
            raise InvalidExperiment(message, fields=("batch_size",))
        return self

    @property
    def features(self) -> int:
        """Numbers per sample."""
        return SOURCES[self.source].features or self.dimension

    @property
    def classes(self) -> int:
        """Number of classes that the source has."""
        return SOURCES[self.source].classes

    @property
    def outputs(self) -> int:
        """The width of the readout: a unit per class, or one for yes or no and for a number."""
        return TARGETS[self.targets].outputs or self.classes
