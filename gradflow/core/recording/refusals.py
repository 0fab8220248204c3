"""Models that cannot be recorded, each with the way out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gradflow.core.errors import ProbeError
from gradflow.core.text import Text


def refuse_unusable_model(model: nn.Module, parameters: Mapping[str, Tensor]) -> None:
    """Refuse parameters without values, and numbers that no gradient passes.

    Raises:
        ProbeError: a parameter is not materialized, on the meta device or an inference tensor, or
            a module is quantized.
    """
    for name, tensor in {**parameters, **dict(model.named_buffers())}.items():
        if is_lazy(tensor):
            raise ProbeError(
                Text(
                    "model: parameter {name} is not materialized yet; "
                    "run the model once on a batch",
                    name=name,
                )
            )
        if tensor.is_meta:
            raise ProbeError(
                Text(
                    "model: {name} is on the meta device and has no values; "
                    'give it some with model.to_empty(device="cpu") and load or draw its weights',
                    name=name,
                )
            )
        if tensor.is_inference() and tensor.requires_grad:
            raise ProbeError(
                Text(
                    "model: parameter {name} was made in torch.inference_mode, which autograd "
                    "refuses; build the model outside of it, or copy its state_dict into one "
                    "that was",
                    name=name,
                )
            )
    for name, module in model.named_modules():
        if ".quantized" in type(module).__module__:
            raise ProbeError(
                Text(
                    "model: {name} is quantized, and gradients do not pass whole numbers; "
                    "probe the model it was made from",
                    name=name or type(module).__name__,
                )
            )
