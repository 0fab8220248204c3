"""What tensors are made of: of parameters alone, or a signal that carries the outputs of layers."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from gradflow.core.recording.records import Record

_MOST_LAYERS = 16
"""Layers whose output a signal carries, the last ones; a residual stream carries all."""


class Lineage(NamedTuple):
    """What a tensor is made of.

    Attributes:
        pending: layers whose output it carries, with no activation function behind them.
        activated: layers whose output has met an activation function last.
        sources: parameters that it is made of alone; empty for a signal.
    """

    pending: tuple[Record, ...] = ()
    activated: tuple[Record, ...] = ()
    sources: tuple[str, ...] = ()


SIGNAL = Lineage()


class Given:
    """What is known of the tensors that enter a call."""

    __slots__ = ("is_signal", "lineage", "made", "names", "signals", "unknown")

    def __init__(self) -> None:
        self.lineage = SIGNAL
        self.names: tuple[str, ...] = ()
        self.made: tuple[Tensor, ...] = ()
        self.signals: tuple[Tensor, ...] = ()
        self.unknown: tuple[Tensor, ...] = ()
        self.is_signal = False

    def add_weight(self, tensor: Tensor, sources: tuple[str, ...]) -> None:
        """Add a tensor that is made of parameters alone."""
        self.names += tuple(name for name in sources if name not in self.names)
        if tensor.dim() > 1:
            self.made += (tensor,)

    def add_signal(self, tensor: Tensor, lineage: Lineage) -> None:
        """Add a signal; of what signals carry, that of the last layers is kept."""
        self.signals += (tensor,)
        if not self.is_signal:
            self.is_signal, self.lineage = True, lineage
        elif lineage is not self.lineage:
            self.lineage = Lineage(
                _join(self.lineage.pending, lineage.pending),
                _join(self.lineage.activated, lineage.activated),
            )


def _join(layers: tuple[Record, ...], others: tuple[Record, ...]) -> tuple[Record, ...]:
    if not others or others is layers:
        return layers
    return (layers + tuple(layer for layer in others if layer not in layers))[-_MOST_LAYERS:]
