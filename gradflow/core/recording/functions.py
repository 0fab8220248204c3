"""What the functions of PyTorch do to a signal, for those that a recorder has to tell apart."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.recording.modules import find_catalog_row
from gradflow.core.recording.summary import Response

Function = Callable[..., Any]


class Role(Enum):
    """What a function does to a signal."""

    LOOK = auto()  # at a size or a type: nothing
    MEET = auto()  # with a weight in a place of its own
    PRODUCT = auto()  # of any two tensors, one of which may be a weight
    PICK = auto()  # entries of a tensor, which may be an embedding
    ACTIVATE = auto()
    GATE = auto()  # multiply
    MIX = auto()  # samples or positions, so that what follows acts on no single layer
    NEST = auto()  # call other functions, that are worth seeing
    OTHER = auto()


_VF = torch._VF
_MEETING: dict[str, tuple[Function, ...]] = {
    "linear": (F.linear, F.bilinear, torch.bilinear),
    "conv": (
        *(F.conv1d, F.conv2d, F.conv3d, torch.conv1d, torch.conv2d, torch.conv3d),
        *(F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d),
        *(torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d),
        torch.convolution,
    ),
    "embedding": (F.embedding, F.embedding_bag),
    "recurrent": (
        *(_VF.lstm, _VF.gru, _VF.rnn_tanh, _VF.rnn_relu),
        *(_VF.lstm_cell, _VF.gru_cell, _VF.rnn_tanh_cell, _VF.rnn_relu_cell),
    ),
}
_PRODUCTS = (
    *(torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.einsum),
    *(torch.mm, Tensor.mm, torch.bmm, Tensor.bmm, torch.mv, Tensor.mv, torch.tensordot),
    *(torch.addmm, Tensor.addmm, torch.baddbmm, Tensor.baddbmm, torch.addmv, Tensor.addmv),
    *(getattr(F, name) for name in ("grouped_mm",) if hasattr(F, name)),
    *(getattr(torch, name) for name in ("_grouped_mm",) if hasattr(torch, name)),
)
_PICKS = (Tensor.__getitem__, torch.embedding, torch.index_select, Tensor.index_select)
_ACTIVATIONS: dict[Function, type[nn.Module] | None] = {
    **dict.fromkeys((F.relu, torch.relu, Tensor.relu, F.relu_, torch.relu_, Tensor.relu_), nn.ReLU),
    **dict.fromkeys((F.sigmoid, torch.sigmoid, Tensor.sigmoid, torch.sigmoid_), nn.Sigmoid),
    **dict.fromkeys((Tensor.sigmoid_, torch.special.expit), nn.Sigmoid),
    **dict.fromkeys((F.tanh, torch.tanh, Tensor.tanh, torch.tanh_, Tensor.tanh_), nn.Tanh),
    **dict.fromkeys((F.leaky_relu, F.leaky_relu_), nn.LeakyReLU),
    **dict.fromkeys((F.hardtanh, F.hardtanh_), nn.Hardtanh),
    **dict.fromkeys((F.elu, F.elu_), nn.ELU),
    **dict.fromkeys((F.selu, F.selu_, torch.selu), nn.SELU),
    F.relu6: nn.ReLU6,
    F.softsign: nn.Softsign,
    F.gelu: nn.GELU,
    F.silu: nn.SiLU,
    F.mish: nn.Mish,
    F.softplus: nn.Softplus,
    F.hardswish: nn.Hardswish,
    F.prelu: nn.PReLU,
    torch.prelu: nn.PReLU,
    F.rrelu: nn.RReLU,
    **dict.fromkeys((F.celu, F.hardsigmoid, F.logsigmoid, F.glu, F.tanhshrink, F.softshrink)),
    **dict.fromkeys((torch.sin, Tensor.sin, torch.erf, Tensor.erf, F.hardshrink)),
}
_CLAMPS = (
    *(torch.clamp, Tensor.clamp, torch.clamp_, Tensor.clamp_, torch.clip, Tensor.clip),
    *(torch.clamp_min, Tensor.clamp_min, Tensor.clamp_min_),
)
_GATES = (Tensor.mul, torch.mul, Tensor.__mul__, Tensor.__rmul__, Tensor.mul_, Tensor.__imul__)
_MIXERS = (F.scaled_dot_product_attention, F.softmax, Tensor.softmax, torch.softmax)
_VIEWS_BY_NAME = (Tensor.T, Tensor.mT, Tensor.H, Tensor.mH, Tensor.data, Tensor.real, Tensor.imag)
_LOOKS = frozenset(
    (
        *("__get__", "__set__", "__len__", "__bool__", "__hash__", "__format__", "__repr__"),
        *("size", "dim", "stride", "numel", "nelement", "element_size", "storage_offset", "ndim"),
        *("is_floating_point", "is_contiguous", "is_complex", "type", "data_ptr", "get_device"),
        *("item", "tolist", "numpy", "is_pinned", "is_inference", "requires_grad_", "backward"),
        *("untyped_storage", "register_hook", "retain_grad", "is_same_size", "has_names"),
    )
)
_ROLES: dict[Any, Role] = {
    **{function: Role.MEET for functions in _MEETING.values() for function in functions},
    **dict.fromkeys(_PRODUCTS, Role.PRODUCT),
    **dict.fromkeys(_PICKS, Role.PICK),
    **dict.fromkeys((*_ACTIVATIONS, *_CLAMPS), Role.ACTIVATE),
    **dict.fromkeys(_GATES, Role.GATE),
    **dict.fromkeys(_MIXERS, Role.MIX),
    **{getattr(view, "__get__"): Role.OTHER for view in _VIEWS_BY_NAME},  # noqa: B009
    F.multi_head_attention_forward: Role.NEST,
}
_KIND = {function: kind for kind, functions in _MEETING.items() for function in functions}


def find_role(function: Function) -> Role:
    """Find what a function does to a signal."""
    role = _ROLES.get(function)
    if role is None:
        return Role.LOOK if function.__name__ in _LOOKS else Role.OTHER
    return role


def may_write(function: Function, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether a function may write into its arguments: by its name, or as embeddings do."""
    name = function.__name__
    if name.endswith("_"):
        return not name.endswith("__") or name.startswith("__i") or name == "__setitem__"
    if function in (F.embedding, F.embedding_bag):  # rows that are longer are shortened
        return options.get("max_norm", args[3] if len(args) > 3 else None) is not None
    return "out" in options


def find_kind_of_weight(function: Function) -> str:
    """Find the kind of the layer that a function makes of a weight."""
    return _KIND.get(function, "linear")


def find_function_response(
    function: Function, args: tuple[Any, ...], options: dict[str, Any]
) -> Response | None:
    """Find what to count in the output of an activation function; ``None`` if that is unknown."""
    if function in _CLAMPS:
        low, high = [*args[1:3], None, None][:2]
        low, high = options.get("min", low), options.get("max", high)
        if isinstance(low, Tensor) or isinstance(high, Tensor):
            return None
        return Response(
            alive=(-torch.inf if low is None else low, torch.inf if high is None else high)
        )
    module = _ACTIVATIONS.get(function)
    if module is None:
        return None
    given = args[1:] if not any(isinstance(value, Tensor) for value in args[1:]) else ()
    return _find_response_as(module.__name__, given, tuple(options.items()))


@cache
def _find_response_as(
    name: str, args: tuple[Any, ...], options: tuple[tuple[str, Any], ...]
) -> Response:
    module: type[nn.Module] = getattr(nn, name)
    row = find_catalog_row(module())
    if row is None:
        return Response()
    if row.unsaturated is None:
        return Response(None, row.alive)
    # Where it depends on a setting, that of the function is one of the module, in the same place.
    return Response(row.unsaturated(module(*args, **dict(options))), row.alive)


@cache
def open_function(function: FunctionType) -> FunctionType:
    """Make a copy of a function of PyTorch that does not ask again whether a mode is on.

    Called in the mode, it shows the functions that it calls.
    """

    def deny(*_: object) -> bool:
        return False

    names = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    known = {**function.__globals__, **dict.fromkeys(names, deny)}
    copy = FunctionType(
        function.__code__, known, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
