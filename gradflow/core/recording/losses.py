"""The loss of a probe: the default one for any output, and the modules that a loss reaches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.errors import ProbeError
from gradflow.core.recording.modules import find_tensors
from gradflow.core.text import Text


def compute_loss(loss: Callable[[Any, Any], Any], output: Any, targets: Any) -> Any:
    """Compute the loss; the default one of any output, with the classes of a sequence last.

    Cross-entropy takes the ``loss`` that an output brings along, else its ``logits``, else its
    first tensor. The classes may be along the last axis, as language models have them, or along
    the second one, as PyTorch wants them; of a tensor for which both are possible, the second.

    Raises:
        ProbeError: the default loss has no targets, or does not fit them.
    """
    if loss is not F.cross_entropy:
        return loss(output, targets)
    is_bare = isinstance(output, Tensor)
    if not is_bare:
        own = _get(output, "loss")
        if isinstance(own, Tensor) and targets is None:
            return own
        logits = _get(output, "logits")
        if logits is None:
            logits = next((t for t in find_tensors(output) if t.is_floating_point()), None)
        output = logits if logits is not None else output
    if targets is None:
        raise ProbeError(
            Text(
                "targets: cross-entropy, the default loss, needs them; "
                "give targets, or loss=lambda output, targets: …"
            )
        )
    if not isinstance(output, Tensor) or not isinstance(targets, Tensor):
        return loss(output, targets)
    is_last = output.dim() > 2 and targets.shape == output.shape[:-1]
    if is_last and not (is_bare and targets.shape == (output.shape[0], *output.shape[2:])):
        output, targets = output.flatten(0, -2), targets.flatten()
    try:
        return loss(output, targets)
    except (RuntimeError, IndexError, ValueError) as error:
        message = Text(
            "targets: cross-entropy, the default loss, does not take targets of shape {targets} "
            "({dtype}) for an output of shape {output}: {error}. Give others, or "
            "loss=lambda output, targets: …",
            targets=str(tuple(targets.shape)),
            dtype=str(targets.dtype).removeprefix("torch."),
            output=str(tuple(output.shape)),
            error=str(error).splitlines()[0].rstrip("."),
        )
        raise ProbeError(message) from error


def _get(output: Any, name: str) -> Any:
    return output.get(name) if isinstance(output, dict) else getattr(output, name, None)


def find_modules(loss: Any) -> list[nn.Module]:
    """Find the modules that a loss function reaches: itself, and what it names or has bound."""
    return [*dict.fromkeys(_walk(loss, depth=2))]


def _walk(value: Any, depth: int) -> Iterator[nn.Module]:
    if isinstance(value, nn.Module):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item, depth)
    elif isinstance(value, functools.partial):
        yield from _walk([value.func, *value.args, *value.keywords.values()], depth)
    elif callable(value) and depth and not isinstance(value, type):
        yield from _walk(getattr(value, "__self__", None), depth)
        code = getattr(value, "__code__", None)
        if code is None:
            yield from _walk([*vars(value).values()] if hasattr(value, "__dict__") else [], 0)
            return
        cells = [_open(cell) for cell in value.__closure__ or ()]
        known = value.__globals__
        named = [known[name] for name in code.co_names if name in known]
        for item in (*cells, *named, *(value.__defaults__ or ())):
            # Functions of libraries lead everywhere and to no module.
            is_own = getattr(item, "__module__", None) == value.__module__
            if isinstance(item, (nn.Module, list, tuple, functools.partial)) or is_own:
                yield from _walk(item, depth - 1)


def _open(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
