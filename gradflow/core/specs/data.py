"""The settings of a batch of data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from gradflow.core.catalog import SOURCES, Architecture, Source
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.text import Text

MAX_BATCH = 10_000
MAX_DIMENSION = 4096


class Data(Spec):
    """A batch of inputs and class labels, drawn from the experiment's seed."""

    source: Source = Field(Source.DIGITS, title="Data", description="Where the inputs come from.")
    batch_size: int = Field(
        256, ge=1, le=MAX_BATCH, title="Batch size", description="Samples in the one pass."
    )
    dimension: int = Field(
        64, ge=1, le=MAX_DIMENSION, title="Input dimension", description="Numbers per sample."
    )
    scale: float = Field(
        1.0, gt=0, le=1e6, title="Scale", description="Standard deviation of the inputs."
    )
    correlation: float = Field(
        0.0, ge=0, le=1, title="Correlation", description="Between any two samples; 1: all equal."
    )
    noise: float = Field(
        0.1, ge=0, le=1, title="Noise", description="Spread around the curves, before scaling."
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
        """Number of classes, the width of the readout."""
        return SOURCES[self.source].classes
