"""The inputs of a model, copied so that the model may change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor


class Arguments:
    """Copies of what a model is called with, in containers however nested.

    Args:
        inputs: one argument, a plain tuple of positional arguments, or a mapping of keyword
            arguments.
        from_inputs: whether the graph has to start at the inputs. With frozen parameters, or none,
            it would start only behind them; asking for the gradient of the inputs makes it start
            at the first layer, so that its ∂L/∂z is recorded as well.

    Attributes:
        positional, keywords: the arguments.
        leaves: the tensors whose gradient has to be asked for. One that the caller holds and that
            requires a gradient is among them itself, and its copy depends on it: a loss may
            differentiate by it.
    """

    def __init__(self, inputs: Any, *, from_inputs: bool) -> None:
        self.leaves: list[Tensor] = []
        self.positional: tuple[Any, ...] = ()
        self.keywords: dict[str, Any] = {}
        self._from_inputs = from_inputs
        if isinstance(inputs, Mapping):
            self.keywords = {str(name): self._copy(value) for name, value in inputs.items()}
        else:
            # One with names, such as a packed sequence, is one argument.
            values = inputs if type(inputs) is tuple else (inputs,)
            self.positional = tuple(self._copy(value) for value in values)

    def _copy(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._copy_tensor(value)
        if type(value) is dict:
            return {key: self._copy(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._copy(item) for item in value))
        if type(value) in (list, tuple):
            return type(value)(self._copy(item) for item in value)
        return value

    def _copy_tensor(self, tensor: Tensor) -> Tensor:
        if tensor.requires_grad:
            self.leaves.append(tensor)
            return tensor.clone()
        copy = tensor.detach().clone()
        if self._from_inputs and tensor.is_floating_point():
            self.leaves.append(copy.requires_grad_())
            return copy.clone()  # a leaf itself could not be changed in place
        return copy
