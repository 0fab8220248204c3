"""What wrappers for several devices make of a model, and which of several processes records."""

from __future__ import annotations

import torch
from torch import nn

from gradflow.core.errors import ProbeError
from gradflow.core.recording.plain import strip_compiler
from gradflow.core.text import Text


def find_own_model(model: nn.Module) -> nn.Module:
    """Find the user's own model in what compilers and wrappers for several devices made of it."""
    inner = strip_compiler(model)
    while isinstance(inner, nn.parallel.DistributedDataParallel):
        inner = strip_compiler(inner.module)
    return inner


def refuse_copies(model: nn.Module) -> None:
    """Refuse what runs copies of a model.

    Raises:
        ProbeError: it is a ``DataParallel``.
    """
    if isinstance(strip_compiler(model), nn.DataParallel):
        raise ProbeError(
            Text(
                "model: DataParallel runs copies of it, which cannot be recorded; "
                "DistributedDataParallel can, and so can the model without it"
            )
        )


def is_distributed() -> bool:
    """Whether this is one of several processes that train together."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_other_rank() -> bool:
    """Whether another process is the one that records."""
    return is_distributed() and torch.distributed.get_rank() != 0
