"""What a module is, by its class: the kind of its output, and what to count in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import ParametrizationList

from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.catalog.activations import ActivationChoice
from gradflow.core.experiment import MLP
from gradflow.core.recording.summary import Response

_NORMS = (_NormBase, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.LocalResponseNorm)
_KINDS: tuple[tuple[Any, str], ...] = (
    (nn.Linear, "linear"),
    (_ConvNd, "conv"),
    (_NORMS, "norm"),
    ((nn.RNNBase, nn.RNNCellBase), "recurrent"),
    (ParametrizationList, "parametrization"),
)
OWN_ATTRIBUTES = frozenset(vars(nn.Module()))
"""Attributes that every module has."""
WEIGHT_KINDS = ("linear", "conv")
LAYER_KINDS = (*WEIGHT_KINDS, "recurrent")
"""Kinds of layers; an embedding is one of kind ``other``."""
_ROWS = {type(row.module(MLP())): row for row in ACTIVATIONS.values()}
_CALLED_AS_THEY_ARE = tuple(
    module.forward
    for module in (
        *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding, nn.EmbeddingBag),
        *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Bilinear),
        *(nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell),
    )
)


def find_kind(module: nn.Module) -> str:
    """Find the kind of a module, for the column ``kind`` of ``report.signals``."""
    for classes, kind in _KINDS:
        if isinstance(module, classes):
            return "block" if kind == "norm" and _has_weights_inside(module) else kind
    is_own = type(module).__module__ == "torch.nn.modules.activation"
    if (
        (is_own and not isinstance(module, nn.MultiheadAttention))
        or (find_catalog_row(module) is not None and not isinstance(module, nn.Identity))
    ) and not _has_weights_inside(module):
        return "activation"
    return "block" if module._modules else "other"


def _has_weights_inside(module: nn.Module) -> bool:
    """Whether modules in it have weights; those that make its own parameters do not count."""
    return bool(module._modules) and any(
        next(inner.parameters(), None) is not None
        for name, inner in module._modules.items()
        if inner is not None and name != "parametrizations"
    )


def is_call_alone(module: nn.Module) -> bool:
    """Whether the module is nothing but the call of its weight, which says all that it says."""
    return type(module).forward in _CALLED_AS_THEY_ARE and not module._modules


class Watched(NamedTuple):
    """A module to record: its path, and its kind."""

    name: str
    module: nn.Module
    kind: str


def list_watched_modules(modules: Mapping[str, nn.Module]) -> list[Watched]:
    """List the modules to record: all but those inside a weight, norm or activation module."""
    watched: list[Watched] = []
    inside: tuple[str, ...] = ()
    for name, module in modules.items():
        if inside and name.startswith(inside) and not isinstance(module, ParametrizationList):
            continue
        kind = find_kind(module)
        watched.append(Watched(name, module, kind))
        if module._modules and kind not in ("block", "other"):
            inside += (f"{name}.",)
    return watched


def find_bare_layers(watched: Iterable[Watched]) -> set[int]:
    """Find the weight modules without an activation module before the next one, by ``id``.

    Of these the units are recorded; of the others, those of the activation.
    """
    bare: list[int] = []
    is_open = False  # no activation has come since the last one
    for _name, module, kind in watched:
        if kind in WEIGHT_KINDS:
            bare.append(id(module))
        elif kind == "activation" and is_open:
            bare.pop()
        is_open = kind in WEIGHT_KINDS or (is_open and kind != "activation")
    return set(bare)


def find_tensors(output: Any) -> Iterator[Tensor]:
    """List the tensors in the output of a module, however nested."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        yield from find_tensors(list(output.values()))
    elif isinstance(output, (tuple, list)):
        for item in output:
            yield from find_tensors(item)
    elif is_dataclass(output) and not isinstance(output, type):
        yield from find_tensors([getattr(output, field.name) for field in fields(output)])


def find_catalog_row(module: nn.Module) -> ActivationChoice | None:
    """Find the catalog's row of an activation module, or of a class that it is derived from."""
    return next((_ROWS[kind] for kind in type(module).__mro__ if kind in _ROWS), None)


def find_response(module: nn.Module) -> Response:
    """Find what to count in the output of an activation module."""
    row = find_catalog_row(module)
    if row is None:
        return Response()
    return Response(row.unsaturated and row.unsaturated(module), row.alive)
