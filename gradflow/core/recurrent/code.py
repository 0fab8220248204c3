"""A sequence experiment as a runnable PyTorch script that needs only torch (and the digits)."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from gradflow.core.catalog import DTYPES, Cell, RecurrentScale, SequenceSource
from gradflow.core.data import DATA_SEED_OFFSET, draw_digits, load_digit_images
from gradflow.core.recurrent.data import DRAW, select_arguments
from gradflow.core.recurrent.spec import SequenceExperiment

_MODULE_CALLS = {
    Cell.RNN_TANH: "RNN({}, nonlinearity='tanh')",
    Cell.RNN_RELU: "RNN({}, nonlinearity='relu')",
    Cell.LSTM: "LSTM({})",
    Cell.GRU: "GRU({})",
}
_DIGIT_SOURCES = (SequenceSource.DIGIT_ROWS, SequenceSource.DIGIT_PIXELS)

_HEADER = '''\
"""{title}

Exported from GradFlow. Prints, for every time step, the norms of the hidden state of the last
recurrent layer and of the gradient dL/dh that comes back to it, over the whole batch in float64.
"""

import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

SYMBOLS = 8
'''

_MAIN = """\
device = {device}
dtype = torch.{dtype}

inputs, targets = {draw}(
    {batch_size}, torch.Generator().manual_seed({seed} + {offset}){draw_arguments}
)
recurrent = nn.{module}
readout = nn.Linear({hidden}, {outputs})
generator = torch.Generator().manual_seed({seed})
limit = 1 / math.sqrt({hidden})
with torch.no_grad():
    for name, parameter in [*recurrent.named_parameters(), *readout.named_parameters()]:
        if "weight_hh" in name:
            for block in parameter.chunk({blocks}):
                {init}(block, generator)
                block *= {scale}
        elif "weight" in name or {pytorch_bias}:
            nn.init.uniform_(parameter, -limit, limit, generator=generator)
        else:
            nn.init.zeros_(parameter)
{forget}recurrent.to(device, dtype)
readout.to(device, dtype)
inputs, targets = inputs.to(device, dtype), targets.to(device)

state, states = None, []
for x in inputs:
    _, state = recurrent(x[None], state)
    states.append(state[0] if isinstance(state, tuple) else state)
outputs = torch.stack([readout(h[-1]) for h in states[-{loss_steps}:]]).to({loss_dtype})
targets = targets[-{loss_steps}:]
loss = {loss}
gradients = torch.autograd.grad(loss, states)


def norm(values):
    return torch.linalg.vector_norm(values[-1].detach().double()).item()


print(f"loss {{loss.item():.6e}}")
print(" step            |h|        |dL/dh|")
for step, (h, gradient) in enumerate(zip(states, gradients), start=1):
    print(f"{{step:5d}}  {{norm(h):13.6e}}  {{norm(gradient):13.6e}}")
"""

_FORGET = """\
    for name, parameter in recurrent.named_parameters():
        if "bias" in name:
            parameter.chunk({blocks})[1].add_({half})
"""
_RADIUS = "{radius!r} / torch.linalg.eigvals(block.double()).abs().amax().item()"


def to_sequence_code(experiment: SequenceExperiment) -> str:
    """Write a self-contained script with torch.nn's own layer, called step by step.

    It draws the same data and weights from the same seed, so that on the same device and torch
    version its numbers are those of :func:`gradflow.through_time` for the last layer, up to the
    order of summation.
    """
    spec, data = experiment.network, experiment.data
    sizes = f"{data.inputs}, {spec.hidden_size}, {spec.layers}"
    dtype = str(DTYPES[experiment.dtype].dtype).removeprefix("torch.")
    main = _MAIN.format(
        device=(
            'torch.device("cuda" if torch.cuda.is_available() else "cpu")'
            if experiment.device == "auto"
            else f'torch.device("{experiment.device}")'
        ),
        dtype=dtype,
        draw=DRAW[data.source].__name__,
        batch_size=data.batch_size,
        seed=experiment.seed,
        offset=DATA_SEED_OFFSET,
        draw_arguments="".join(f", {n}={v!r}" for n, v in select_arguments(data).items()),
        module=_MODULE_CALLS[spec.cell].format(sizes),
        hidden=spec.hidden_size,
        outputs=data.row.outputs,
        blocks=spec.row.blocks,
        init=spec.init.function.__name__,
        scale=(
            _RADIUS.format(radius=spec.spectral_radius)
            if spec.recurrent_scale is RecurrentScale.SPECTRAL_RADIUS
            else repr(spec.recurrent_gain)
        ),
        pytorch_bias=spec.init.pytorch_bias,
        forget=_FORGET.format(blocks=spec.row.blocks, half=spec.forget_bias / 2)
        if spec.row.has_cell
        else "",
        loss_steps=experiment.loss_steps,
        loss_dtype="torch.float32" if dtype in ("float16", "bfloat16") else "dtype",
        loss=(
            "F.mse_loss(outputs.squeeze(2), targets.to(outputs.dtype))"
            if data.row.regression
            else "F.cross_entropy(outputs.flatten(0, 1), targets.flatten())"
        ),
    )
    parts: list[Callable[..., Any]] = [spec.init.function, DRAW[data.source]]
    if data.source in _DIGIT_SOURCES:
        parts = [load_digit_images, draw_digits, *parts]
    title = f"{spec.row.label}, {spec.layers} × {spec.hidden_size} units, {data.row.label}"
    return "\n\n".join([_HEADER.format(title=title), *map(_read_source, parts), main])


def _read_source(part: Callable[..., Any]) -> str:
    return re.sub(r"  # (noqa|type: ignore).*", "", textwrap.dedent(inspect.getsource(part)))
