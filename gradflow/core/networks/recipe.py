"""How a network is made: the call of its class, as values to build it and as source to export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One network without its weights.

    Attributes:
        structure: the class of the network.
        arguments: its keyword arguments.
        source: as an expression, those of them whose ``repr`` is none.
        parts: functions and classes that its source calls, callees first, itself last.
    """

    structure: type[nn.Module]
    arguments: Mapping[str, Any]
    source: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Callable[..., Any], ...]

    def build(self) -> nn.Module:
        """The network, on the current default device."""
        return self.structure(**self.arguments)

    def format_call(self) -> str:
        """The call as an expression."""
        lines = [
            f"    {name}={self.source.get(name, repr(value))},"
            for name, value in self.arguments.items()
        ]
        return "\n".join([f"{self.structure.__name__}(", *lines, ")"])
