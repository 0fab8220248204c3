"""The settings of a fully connected network."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from gradflow.core.catalog import Connection
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.limits import LayerSize
from gradflow.core.specs.data import Data
from gradflow.core.specs.network import MAX_WIDTH, LayerSettings
from gradflow.core.text import Text

MAX_DEPTH = 200
Width = Annotated[int, Field(ge=1, le=MAX_WIDTH)]


class MLP(LayerSettings):
    """A fully connected network.

    ``depth`` counts the weight layers, the readout included: depth 20 is 19 hidden layers of
    ``width`` units and a readout of as many units as the data has outputs. ``widths`` gives the
    hidden widths one by one instead. Raises ``InvalidExperiment`` on anything impossible.
    """

    depth: int = Field(
        20, ge=1, le=MAX_DEPTH, title="Depth", description="Weight layers, the readout included."
    )
    width: int = Field(
        128, ge=1, le=MAX_WIDTH, title="Width", description="Units in each hidden layer."
    )
    widths: tuple[Width, ...] = Field(
        (),
        max_length=MAX_DEPTH - 1,
        title="Widths, one by one",
        description="Hidden widths such as 750-700-650; they replace depth and width.",
    )
    exempt: ClassVar[frozenset[str]] = frozenset({"depth", "width"})

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:
        """Return whether a field has an effect; a list of widths replaces depth and width."""
        if name in ("depth", "width") and values.get("widths"):
            return False
        return super().applies(name, values)

    @model_validator(mode="before")
    @classmethod
    def _derive_depth(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("widths"), (list, tuple)):
            if not values["widths"]:
                return values
            implied = {
                "depth": len(values["widths"]) + 1,
                "width": cls.model_fields["width"].default,
            }
            for name, value in implied.items():
                if values.get(name, value) != value:  # as a dumped spec has them, they may stay
                    message = Text(
                        "{name}: {value} cannot be combined with widths; give one or the other",
                        name=name,
                        value=quote_value(values[name]),
                    )
                    raise InvalidExperiment(message, fields=(name,))
            return values | implied
        return values

    @property
    def size_fields(self) -> tuple[str, ...]:
        """Fields to lower if the network is too large."""
        return ("widths",) if self.widths else ("depth", "width")

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Units of each hidden layer, from the input side."""
        return self.widths or (self.width,) * (self.depth - 1)

    def list_fans(self, features: int, outputs: int) -> list[tuple[int, int]]:
        """List ``(fan_in, fan_out)`` of each weight layer, given the sizes of input and output."""
        sizes = [features, *self.hidden_widths, outputs]
        if self.connection is Connection.DENSE:
            return [(sum(sizes[: i + 1]), sizes[i + 1]) for i in range(len(sizes) - 1)]
        return list(pairwise(sizes))

    def list_layers(self, data: Data) -> list[LayerSize]:
        """List the sizes of all weight matrices."""
        return [LayerSize(*fans) for fans in self.list_fans(data.features, data.outputs)]

    def describe_shape(self) -> Text:
        """Say the size in words: ``20 layers, width 128``."""
        if self.widths:
            return Text(
                "{depth} layers, widths {first}…{last}",
                depth=self.depth,
                first=self.widths[0],
                last=self.widths[-1],
            )
        return Text("{depth} layers, width {width}", depth=self.depth, width=self.width)
