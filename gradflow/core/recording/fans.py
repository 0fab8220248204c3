"""How many numbers enter one output of a layer, and how many outputs there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from gradflow.core.recording.functions import Function

_TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def find_fans(
    function: Function, kind: str, args: tuple[Any, ...], weights: Sequence[Tensor], out: Tensor
) -> tuple[int, int]:
    """Find ``(fan_in, fan_out)``; of a convolution, the outputs are its channels.

    Args:
        function: what was called.
        kind: of the layer.
        args: its arguments.
        weights: those of two or more dimensions that are made of parameters.
        out: what it returned.
    """
    shape = weights[-1].shape if weights else ()
    if function is F.linear and len(shape) == 2:
        return shape[1], shape[0]
    outputs = out.shape[-1] if out.dim() else 1
    if len(shape) < 2:
        return math.prod(shape) if shape else 0, outputs
    weight = weights[-1]
    match kind, function.__name__:
        case "conv", name:
            window = math.prod(shape[2:])
            if name not in _TRANSPOSED:
                return shape[1] * window, shape[0]
            channels = out.shape[-len(shape[2:]) - 1]
            return shape[0] * shape[1] // max(channels, 1) * window, channels
        case "embedding", _:
            fans = 1, outputs
        case "recurrent", _:
            fans = sum(w.shape[-1] for w in weights[:2]), outputs
        case _, "bilinear":
            fans = math.prod(shape[1:]), shape[0]
        case _, "einsum":
            fans = _find_einsum_fans(args, weight)
        case _:
            # In a product the weight stands on the right, or its rows are the outputs.
            on_right = [a for a in args if isinstance(a, Tensor)][-1] is weight
            fans = (shape[-2], shape[-1]) if on_right else (shape[-1], shape[-2])
    return fans


def _find_einsum_fans(args: tuple[Any, ...], weight: Tensor) -> tuple[int, int]:
    """Find the fans from the letters: those of the weight alone and of the result are outputs."""
    equation = next((a for a in args if isinstance(a, str)), "").replace(" ", "").replace("...", "")
    terms, _, result = equation.partition("->")
    names = terms.split(",")
    tensors = [a for a in args if isinstance(a, Tensor)]
    position = next((i for i, t in enumerate(tensors) if t is weight), -1)
    if not 0 <= position < len(names) or len(names[position]) > weight.dim():
        return 0, 0
    own = names.pop(position)
    others = set("".join(names))
    sizes = dict(zip(own[::-1], weight.shape[::-1], strict=False))
    inner = [size for letter, size in sizes.items() if letter not in result]
    outer = [size for letter, size in sizes.items() if letter in result and letter not in others]
    return math.prod(inner), math.prod(outer)
