"""The call that makes a network: as values to build it, and as source to export it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The class of one network with its arguments, and the source of all that it needs.

    Attributes:
        structure: the class of the network.
        arguments: its keyword arguments.
        source: expressions for those arguments whose ``repr`` is not their source.
        output: makes the activation behind the readout, if there is one.
        parts: the functions and classes that the call needs, callees first, the network last.
    """

    structure: type[nn.Module]
    arguments: Mapping[str, Any]
    source: Mapping[str, str] = field(default_factory=dict)
    output: Callable[[], nn.Module] | None = None
    parts: tuple[Callable[..., Any], ...]

    def build(self) -> nn.Module:
        """Build the network on the current default device."""
        model = self.structure(**self.arguments)
        if self.output is not None:
            model.add_module("output", self.output())
        return model

    def format_call(self) -> str:
        """Write the call as an expression, and what adds the activation behind the readout."""
        lines = [
            f"    {name}={self.source.get(name, repr(value))},"
            for name, value in self.arguments.items()
        ]
        added = f'\nmodel.add_module("output", nn.{self.output()})' if self.output else ""
        return "\n".join([f"{self.structure.__name__}(", *lines, ")"]) + added
