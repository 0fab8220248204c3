"""Models that cannot be recorded, each with the way out."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gradflow.core.errors import ProbeError
from gradflow.core.recording.names import Names
from gradflow.core.text import Text


def refuse_unusable_model(names: Names) -> None:
    """Refuse parameters without values, and numbers that no gradient passes.

    Raises:
        ProbeError: a parameter is not materialized, on the meta device, an inference tensor or
            sharded over several processes, or a module is quantized.
    """
    _refuse_shards(names)
    buffers = {
        f"{path}.{name}" if path else name: buffer
        for path, module in names.modules.items()
        for name, buffer in module._buffers.items()
        if buffer is not None
    }
    for name, tensor in {**names.tensors, **buffers}.items():
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
    for name, module in names.modules.items():
        if ".quantized" in type(module).__module__:
            raise ProbeError(
                Text(
                    "model: {name} is quantized, and gradients do not pass whole numbers; "
                    "probe the model it was made from",
                    name=name or type(module).__name__,
                )
            )


def refuse_new_parameters(model: nn.Module, parameters: Mapping[str, Tensor]) -> None:
    """Refuse a model that made parameters in its forward pass, which nobody has seen before.

    Raises:
        ProbeError: there is such a parameter.
    """
    known = set(map(id, parameters.values()))
    for name, parameter in model.named_parameters():
        if id(parameter) not in known:
            raise ProbeError(
                Text(
                    "model: parameter {name} was made in the forward pass; run the model once on a "
                    "batch before, or make it in __init__",
                    name=name,
                )
            )


def _refuse_shards(names: Names) -> None:
    """Refuse what is spread over processes; without these modules, nothing is."""
    tensor = sys.modules.get("torch.distributed.tensor")
    wrapper = sys.modules.get("torch.distributed.fsdp")
    is_cut = tensor is not None and any(
        isinstance(p, tensor.DTensor) for p in names.tensors.values()
    )
    is_wrapped = wrapper is not None and any(
        isinstance(m, wrapper.FullyShardedDataParallel) for m in names.modules.values()
    )
    if is_cut or is_wrapped:
        raise ProbeError(
            Text(
                "model: its parameters are sharded over several processes, each of which sees only "
                "its own part; record the model before it is sharded, "
                "or under DistributedDataParallel"
            )
        )
