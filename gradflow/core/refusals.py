"""Networks that PyTorch has no operation for, as an error that names the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import Text


@contextmanager
def refuse_missing_operations(field: str, value: str, device: torch.device) -> Iterator[None]:
    """Refuse a network that PyTorch cannot compute: RReLU in float16 on a CPU, in torch 2.13.

    Args:
        field: the setting that says in which numbers it is computed.
        value: the value of that setting.
        device: where it is computed.

    Raises:
        InvalidExperiment: PyTorch lacks an operation of what is done inside.
    """
    try:
        yield
    except NotImplementedError as error:
        raise InvalidExperiment(
            Text(
                "{field}: PyTorch {version} cannot compute this network in {value} on {device} "
                "({reason}); choose another {field} or activation",
                field=field,
                version=torch.__version__,
                value=value,
                device=str(device),
                reason=str(error),
            ),
            fields=(field, "activation"),
        ) from error
