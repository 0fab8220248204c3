"""Where the samples are in a tensor: along the first axis, or the second behind time steps."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def read_batch_first(module: nn.Module) -> bool | None:
    """Read whether the samples come first in what enters a module; ``None`` if it does not say."""
    # Not by getattr, which takes fifty times as long where there is no such attribute.
    says = vars(module).get("batch_first", getattr(type(module), "batch_first", None))
    return says if isinstance(says, bool) else None


class Layout:
    """The shapes of sequences whose first axis is time, as far as modules say so.

    Recurrent and attention modules without ``batch_first`` say it of what enters them. Of what runs
    before them it is supposed if it has the leading sizes of the model's input, unless the targets
    say that the first of these is the number of samples.
    """

    def __init__(self, modules: list[nn.Module]) -> None:
        said = [says for says in map(read_batch_first, modules) if says is not None]
        self._is_likely = bool(said) and not any(said)
        self._shapes: set[tuple[int, int]] = set()

    def suppose(self, inputs: Tensor | None, targets: Any) -> None:
        """Suppose that the input is a sequence, if nothing speaks against it."""
        if not self._is_likely or inputs is None or inputs.dim() < 2:
            return
        steps, samples = inputs.shape[:2]
        is_list = isinstance(targets, Tensor) and targets.dim() == 1
        if not (is_list and len(targets) == steps != samples):
            self._shapes.add((steps, samples))

    def note(self, _module: nn.Module, args: tuple[Any, ...]) -> None:
        """Note what enters a module without ``batch_first``; a hook before it runs."""
        if args and isinstance(args[0], Tensor) and args[0].dim() == 3:
            self._shapes.add((args[0].shape[0], args[0].shape[1]))

    def find_axis(self, tensor: Tensor) -> int:
        """Find the axis of the samples."""
        return int(tensor.dim() > 2 and tuple(tensor.shape[:2]) in self._shapes)
