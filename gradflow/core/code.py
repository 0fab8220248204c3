"""Export of an experiment as a PyTorch script that needs only torch (and scikit-learn's data).

The script prints the numbers of the report. It contains the source of the very functions that
GradFlow itself runs, so that the two cannot drift apart.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from gradflow.core.catalog import (
    DTYPES,
    INITIALIZATIONS,
    LOSSES,
    Normalization,
    Source,
    Targets,
)
from gradflow.core.catalog.normalizations import ImageRMSNorm
from gradflow.core.data import (
    ANSWER_SEED_OFFSET,
    DATA_SEED_OFFSET,
    DRAW,
    ask_teacher,
    find_answers,
    list_draw_arguments,
    load_digit_images,
    standardize,
)
from gradflow.core.experiment import ConvNet, Experiment, Transformer
from gradflow.core.networks.build import (
    compute_transformer_stds,
    make_recipe,
    uses_running_statistics,
)
from gradflow.core.networks.initialize import (
    initialize,
    initialize_transformer,
    scale_to_unit_variance,
    zero_last_branch_weights,
)
from gradflow.core.probe import describe
from gradflow.core.recurrent.code import to_sequence_code as code_through_time
from gradflow.core.recurrent.spec import SequenceExperiment

_HEADER = '''\
"""{title}

Exported from GradFlow. Prints, layer by layer, the norms of the error signal dL/dz, of dL/da and
of the weight gradient dL/dW, summed over the whole batch in float64.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHTED = (nn.Linear, nn.Conv2d)
'''

_MAIN = """\
device = {device}
dtype = torch.{dtype}

inputs, targets = {draw}(
    {batch_size}, torch.Generator().manual_seed({seed} + {offset}){draw_arguments}
)
{settle}model = {model}
{initialize}model.to(device, dtype)
inputs, targets = inputs.to(device, dtype), targets.to(device)

calls = []  # [weight module, its output z, the layer's last output a], in execution order


def record(module, args, output):
    if any(True for _ in module.children()):
        return  # a container: its parts report for themselves
    if isinstance(module, WEIGHTED):
        calls.append([module, output, output])
    elif calls:
        calls[-1][2] = output


for module in model.modules():
    module.register_forward_hook(record)
torch.manual_seed({seed})
loss = {loss}(model(inputs), targets)
tensors = [t for module, z, a in calls for t in (z, a, module.weight)]
gradients = torch.autograd.grad(loss{times_scale}, tensors)


def norm(gradient):
    return torch.linalg.vector_norm(gradient.double(){over_scale}).item()


print(f"loss {{loss.item():.6e}}")
print("layer        |dL/dz|        |dL/da|        |dL/dW|")
for layer in range(len(calls)):
    dz, da, dw = (norm(g) for g in gradients[3 * layer : 3 * layer + 3])
    print(f"{{layer + 1:5d}}  {{dz:13.6e}}  {{da:13.6e}}  {{dw:13.6e}}")
"""


def to_code(experiment: Experiment | SequenceExperiment) -> str:
    """Write a self-contained script that builds the same network and prints the same numbers.

    The script draws the same data and weights from the same seed with the same operations, so
    that on the same device and torch version its numbers are those of :func:`gradflow.run` up to
    the order of summation.
    """
    if isinstance(experiment, SequenceExperiment):
        return code_through_time(experiment)
    data, scale = experiment.data, experiment.loss_scale
    recipe = make_recipe(experiment)
    main = _MAIN.format(
        device=(
            'torch.device("cuda" if torch.cuda.is_available() else "cpu")'
            if experiment.device == "auto"
            else f'torch.device("{experiment.device}")'
        ),
        dtype=str(DTYPES[experiment.dtype].dtype).removeprefix("torch."),
        draw=DRAW[data.source].__name__,
        batch_size=data.batch_size,
        offset=DATA_SEED_OFFSET,
        draw_arguments=_format_keywords(list_draw_arguments(data)),
        settle=_write_answers(experiment),
        model=recipe.format_call(),
        initialize=_write_initialization(experiment),
        seed=experiment.seed,
        loss=LOSSES[experiment.loss].function.__name__,
        times_scale=f" * {scale!r}" if scale != 1 else "",
        over_scale=f" / {scale!r}" if scale != 1 else "",
    )
    parts = [
        _read_source(part)
        for part in (
            *_list_drawing_functions(experiment),
            *recipe.parts,
            *_list_filling_functions(experiment),
        )
    ]
    loss = LOSSES[experiment.loss]
    parts += map(_read_source, (*loss.parts, loss.function))
    header = _HEADER.format(title=describe(experiment))
    return "\n\n".join([header, *parts, main])


def _list_drawing_functions(experiment: Experiment) -> list[Callable[..., Any]]:
    """List the functions that draw the data, callees first."""
    source, answer = experiment.data.source, find_answers(experiment.data)
    parts: list[Callable[..., Any]] = [load_digit_images] if source is Source.DIGITS else []
    if answer is ask_teacher or source in (Source.MOONS, Source.SPIRALS):
        parts.append(standardize)
    return [*parts, DRAW[source], *([answer] if answer else [])]


def _write_answers(experiment: Experiment) -> str:
    """Write what is left of ``draw_batch`` after the drawing function."""
    data, answer = experiment.data, find_answers(experiment.data)
    numbers = data.targets is Targets.NUMBERS
    lines = []
    if answer is not None:
        outputs = 1 if numbers else data.classes
        teacher = f"torch.Generator().manual_seed({experiment.seed} + {ANSWER_SEED_OFFSET})"
        lines.append(f"targets = {answer.__name__}(inputs, {outputs}, {teacher})")
    if numbers:
        lines.append(f"targets = {data.target_scale!r} * targets + {data.target_offset!r}")
    elif answer is not None:
        lines.append("targets = targets.argmax(1)")
    if data.targets is Targets.BINARY:
        lines.append(f"targets = (targets >= {data.classes // 2}).long()")
    if (data.scale, data.offset) != (1, 0):
        lines.append(f"inputs = {data.scale!r} * inputs + {data.offset!r}")
    return "".join(f"{line}\n" for line in lines)


def _list_filling_functions(experiment: Experiment) -> list[Callable[..., Any]]:
    """List the functions that draw the weights, and the modules that PyTorch does not have."""
    spec = experiment.network
    if isinstance(spec, Transformer):
        return [initialize_transformer]
    choice = INITIALIZATIONS[spec.initialization]
    parts: list[Callable[..., Any]] = [choice.function, initialize]
    if isinstance(spec, ConvNet) and spec.normalization is Normalization.RMS:
        parts.insert(0, ImageRMSNorm)
    if choice.unit_variance:
        parts.append(scale_to_unit_variance)
    if spec.zero_last:
        parts.append(zero_last_branch_weights)
    return parts


def _write_initialization(experiment: Experiment) -> str:
    spec, generator = experiment.network, f"torch.Generator().manual_seed({experiment.seed})"
    if isinstance(spec, Transformer):
        stds = _format_keywords(compute_transformer_stds(spec))
        return f"initialize_transformer(model, {generator}{stds})\n"
    choice = INITIALIZATIONS[spec.initialization]
    bias = "pytorch_bias=True" if choice.pytorch_bias else f"bias_std={spec.bias_std!r}"
    lines = [
        f"fill = {_format_partial(choice.function, choice.arguments(spec))}",
        f"initialize(model, fill, {generator}, {bias})",
    ]
    if uses_running_statistics(spec):
        lines += [
            "for module in model.modules():",
            "    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):",
            "        module.eval()",
        ]
    if choice.unit_variance:
        lines += [f"torch.manual_seed({experiment.seed})", "scale_to_unit_variance(model, inputs)"]
    if spec.zero_last:
        lines.append("zero_last_branch_weights(model)")
    return "".join(f"{line}\n" for line in lines)


def _read_source(part: Callable[..., Any]) -> str:
    text = textwrap.dedent(inspect.getsource(part))
    return re.sub(r"  # (noqa|type: ignore).*", "", text)


def _format_keywords(arguments: dict[str, Any], before: str = ", ", after: str = "") -> str:
    return "".join(f"{before}{name}={value!r}{after}" for name, value in arguments.items())


def _format_partial(function: Callable[..., Any], arguments: dict[str, Any]) -> str:
    name = function.__name__
    return f"partial({name}{_format_keywords(arguments)})" if arguments else name
