"""Where the parameters of a model are in a recorded pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from gradflow.core import plain
from gradflow.core.errors import quote_value
from gradflow.core.frozen import freeze_mappings
from gradflow.core.text import EMPTY, Text, join_texts


class Place(StrEnum):
    """Where a parameter is in a pass."""

    LAYER = "layer"
    """In a layer: it is a weight that met a signal, or its bias."""
    ELEMENTWISE = "elementwise"
    """It met a signal entry by entry: the scale of a normalization, a learned position."""
    UNREACHED = "unreached"
    """It was used, and there is no path from the loss back to it."""
    UNUSED = "unused"
    """It met no signal in this pass."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Where each parameter of a model was in a recorded pass; every one is in one place.

    Attributes:
        places: place of each parameter, by its name.
        sizes: number of its entries.
        compiled: whether the model was given to ``torch.compile``: what ran in the recorded pass is
            the code as it is written.
    """

    places: Mapping[str, Place] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    compiled: bool = False

    def __post_init__(self) -> None:
        freeze_mappings(self, "places", "sizes")

    def list_parameters(self, place: Place | str) -> list[str]:
        """List the names of the parameters in a place; ``ValueError`` if there is no such place."""
        wanted = Place(place)
        return [name for name, used in self.places.items() if used == wanted]

    def count(self, place: Place | str) -> int:
        """Count the scalar parameters in a place."""
        return sum(self.sizes[name] for name in self.list_parameters(place))

    def get_share(self, place: Place | str) -> float:
        """Divide the number of scalar parameters in a place by that of all; 0 without any."""
        total = sum(self.sizes.values())
        return self.count(place) / total if total else 0.0

    @property
    def text(self) -> Text:
        """One sentence on the four places, and one on what ran if that was not the model itself."""
        counts = Text(
            "Of {total} parameters {layer} are in layers, {elementwise} act elementwise, "
            "{unreached} have no path from the loss, and {unused} are not used.",
            total=sum(self.sizes.values()),
            **{str(place): self.count(place) for place in Place},
        )
        compiled = Text(
            "The model was compiled; recorded is the code as it is written, without torch.compile."
        )
        return join_texts(counts, compiled if self.compiled else EMPTY)

    def __repr__(self) -> str:
        """Say in a line what ``text`` says; a model has hundreds of parameters."""
        return f"<Coverage: {self.text}>"

    def to_dict(self) -> dict[str, Any]:
        """Write as plain data."""
        parameters = {
            name: {"place": str(place), "size": self.sizes[name]}
            for name, place in self.places.items()
        }
        return {"parameters": parameters, "compiled": self.compiled}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read plain data.

        Raises:
            ValueError: something in it is not what it should be.
        """
        places, sizes = {}, {}
        listed = plain.check_type(data.get("parameters", {}), dict)
        for name, item in listed.items():
            with plain.name_field(quote_value(name)):
                entry = plain.check_type(item, dict)
                places[name] = plain.read_field(entry, "place", Place)
                sizes[name] = plain.read_field(entry, "size", plain.read_whole)
        return cls(places, sizes, bool(plain.check_type(data.get("compiled", False), bool)))
