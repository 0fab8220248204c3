"""The memory that one recorded pass takes, of one network or of many seeds of it.

It is counted in a rehearsal: the same pass on the meta device, where tensors have shapes and no
numbers. That takes 20 to 100 µs per operation, so it is for networks that are large.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor, nn

from gradflow.core import limits
from gradflow.core.catalog import DTYPES, LOSSES
from gradflow.core.data import draw_batch
from gradflow.core.environment import read_limits
from gradflow.core.experiment import ConvNet, Experiment
from gradflow.core.machine import MAPPED_BYTES
from gradflow.core.networks.build import make_recipe
from gradflow.core.networks.stacked import list_linears, load_weights, stack
from gradflow.core.tally import Tally

BASE_BYTES = 24 * 2**20
"""What a computation may take beside its tensors: libraries' buffers, the numbers of a report."""
_SLACK = 1.06
"""Pages that are not quite full, as a factor."""
_DRAWN = 4
"""Bytes of a number as weights are drawn."""
_QR_COPIES = 3
_REARRANGED = 1.5
"""Copies of its input that a convolution makes."""
_HEAPED = 2.4
"""Memory of small tensors, which lie side by side with holes between them, per byte."""
_WIDE = 8
"""Bytes of a number in the widest format in which entries are looked at."""
_BOUND = 2
"""Times the memory of six arrays per layer that no network exceeds."""
_BOUND_OF_IMAGES = 5
_REMEMBERED = 256


def weigh(size: int) -> int:
    """Say how many bytes a tensor of so many takes."""
    return size if size >= MAPPED_BYTES else int(_HEAPED * size)


def round_up(size: float) -> int:
    """Add what no rehearsal sees to the bytes of tensors."""
    return int(size * _SLACK) + BASE_BYTES


@lru_cache(maxsize=_REMEMBERED)
def estimate_pass(experiment: Experiment) -> int:
    """Estimate the bytes that ``gradflow.run`` takes at its peak, beside what it returns."""
    model = make_shapes(experiment)
    inputs, targets = make_batch_shapes(experiment, experiment.data.batch_size)
    parameters = list(model.parameters())
    tally = Tally([*parameters, *model.buffers(), inputs, inputs.clone(), targets], weigh)
    with tally:
        loss = LOSSES[experiment.loss].function(model(inputs), targets)
        torch.autograd.grad(loss, parameters, allow_unused=True)
    looking = count_looking(experiment, tally.largest)
    return round_up(max(_count_drawing(experiment, parameters), tally.peak + looking))


@lru_cache(maxsize=_REMEMBERED)
def estimate_seeds(experiment: Experiment, count: int) -> int:
    """Estimate the bytes that ``count`` seeds of a fully connected network take as one batch."""
    model = make_shapes(experiment)
    stack(model)
    inputs, targets = make_batch_shapes(experiment, experiment.data.batch_size)
    inputs = inputs.expand(count, *inputs.shape).clone()
    layers = list_linears(model)
    weights = [layer.weight.new_empty(count, *layer.weight.shape) for layer in layers]
    biases = [layer.bias.new_empty(count, *layer.bias.shape) for layer in layers]
    for module in model.modules():
        if isinstance(module, nn.RReLU):
            module.__class__ = nn.RReLU  # without generators, which the meta device does not have
    load_weights(model, weights, biases, range(count))
    tally = Tally([*weights, *biases, inputs, targets], weigh)
    kept = []  # the recording keeps the inputs of all layers for the gradients of their weights
    for layer in layers:
        layer.register_forward_hook(lambda _layer, args, _z: kept.append(args[0].detach()))
    with tally:
        loss = LOSSES[experiment.loss].function
        outputs = model(inputs)
        total = torch.stack([loss(output, targets) for output in outputs.unbind()]).sum()
        torch.autograd.grad(total, layers[0].bias)
    drawn = sum(_DRAWN * weight.numel() for weight in weights)
    again = drawn if experiment.dtype != "float32" else 0
    largest = max(weight.nbytes for weight in weights)
    looking = count_looking(experiment, tally.largest) + largest
    return round_up(tally.peak + again + looking)


def fit_stack(experiment: Experiment, most: int, allowed: float) -> int:
    """Choose how many fully connected networks like this one run at once in ``allowed`` bytes.

    Args:
        experiment: one of them.
        most: how many would be best; they are halved as long as they do not fit.
        allowed: bytes; a single network is not compared with them.
    """
    size = most
    while size > 1 and size * bound_pass(experiment) > allowed:
        if estimate_seeds(experiment, size) <= allowed:
            break
        size //= 2
    return size


def refuse_too_much_memory(experiment: Experiment) -> None:
    """Refuse an experiment whose pass takes more memory than one may.

    Raises:
        InvalidExperiment: names the size, the limit and the settings to lower.
    """
    if bound_pass(experiment) > read_limits()[0] * limits.GIB:
        limits.refuse_memory(estimate_pass(experiment), experiment.size)


def bound_pass(experiment: Experiment) -> int:
    """Give bytes that a pass is sure not to take, without a rehearsal; mostly some times too many.

    Normalized images and padded ones are kept several times, and float64 convolves copies of
    windows.
    """
    network = experiment.network
    factor = _BOUND
    if isinstance(network, ConvNet):
        wide = DTYPES[experiment.dtype].dtype.itemsize == _WIDE
        factor = _BOUND_OF_IMAGES + (network.kernel**2 if wide else 0)
    return round_up(factor * experiment.need[0] * limits.GIB)


def make_shapes(experiment: Experiment) -> nn.Module:
    """Make the network of an experiment on the meta device."""
    with torch.device("meta"):
        return make_recipe(experiment).build().to(DTYPES[experiment.dtype].dtype)


def make_batch_shapes(experiment: Experiment, size: int) -> tuple[Tensor, Tensor]:
    """Make inputs and targets of so many samples on the meta device."""
    least = experiment.data.model_copy(update={"batch_size": 2})
    inputs, targets = draw_batch(least, experiment.seed)
    return (
        torch.empty(size, *inputs.shape[1:], dtype=DTYPES[experiment.dtype].dtype, device="meta"),
        torch.empty(size, *targets.shape[1:], dtype=targets.dtype, device="meta"),
    )


def _count_drawing(experiment: Experiment, parameters: Iterable[Tensor]) -> int:
    """Count the bytes while weights are drawn: a QR decomposition holds copies of its matrix."""
    sizes = [_DRAWN * parameter.numel() for parameter in parameters]
    return sum(sizes) + (_QR_COPIES * max(sizes) if experiment.network.orthogonal else 0)


def count_looking(experiment: Experiment, largest: int) -> int:
    """Count the bytes beside a pass whose largest tensor takes so many.

    Recording looks at copies of other formats. Convolutions rearrange their inputs, or, in
    float64, copy every window of them.
    """
    network, itemsize = experiment.network, DTYPES[experiment.dtype].dtype.itemsize
    wide = (_DRAWN if itemsize < _DRAWN else 0) + (_WIDE if experiment.loss_scale != 1 else 0)
    size = largest * wide // itemsize
    if isinstance(network, ConvNet):
        windows = network.kernel**2 if itemsize == _WIDE else _REARRANGED
        size += int(largest * windows)
    return size
