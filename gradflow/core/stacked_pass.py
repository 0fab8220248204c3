"""One recorded pass of many networks of the same structure, stacked into one network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gradflow.core.catalog import (
    ACTIVATIONS,
    DTYPES,
    INITIALIZATIONS,
    LOSSES,
    READOUTS,
    weight_fills,
)
from gradflow.core.codec import to_fields
from gradflow.core.data import draw_batch
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.networks.build import allocate_network, draw_weights
from gradflow.core.networks.shared_normals import SharedNormals
from gradflow.core.networks.stacked import (
    list_linears,
    list_stream_blocks,
    load_weights,
    stack,
)
from gradflow.core.probe import resolve_device
from gradflow.core.recording.modules import find_response
from gradflow.core.recording.stacked import (
    DeviceStackedStatistics,
    HostStackedStatistics,
    StackedRecorder,
)
from gradflow.core.recording.summary import Response
from gradflow.core.refusals import refuse_missing_operations

MOST_AT_ONCE = 16
"""Networks in one pass: larger stacks leave the caches and are slower."""
MEMBER_FIELDS = frozenset(
    {
        *("seed", "initialization", "init_value", "init_std", "init_limit", "fan_mode"),
        *("gain", "gain_value", "bias_std", "zero_last"),
        *("inputs", "scale", "offset", "correlation", "noise", "target_scale", "target_offset"),
        *("learning_rate", "clip_norm"),
    }
)
"""Settings in which the members of a stack may differ: they make numbers, not the structure."""
_NORMAL_FILLS = (
    weight_fills.normal,
    weight_fills.lecun_normal,
    weight_fills.xavier_normal,
    weight_fills.kaiming_normal,
)


class StackedNumbers(NamedTuple):
    """What a stacked pass measures, on the CPU in float64.

    Attributes:
        losses: ``(members,)``.
        columns: ``(columns, layers, members)``.
        stream: ‖∂L/∂h‖ and RMS(∂L/∂h) behind each block, ``(2, blocks, members)``; no blocks where
            a report has no residual stream.
    """

    losses: Tensor
    columns: Tensor
    stream: Tensor


class StackedPass:
    """Memory and modules for up to ``size`` fully connected networks at once, used again and again.

    Args:
        experiment: gives the structure; the members may differ from it in ``MEMBER_FIELDS``.
        size: members of one pass, at most.
        columns: of ``report.layers``, among ``recording.stacked.COLUMNS``.
    """

    def __init__(self, experiment: Experiment, size: int, columns: Collection[str]) -> None:
        self._experiment = experiment
        self._columns = columns
        self._device = resolve_device(experiment.device)
        self._dtype = DTYPES[experiment.dtype].dtype
        self._drawn = allocate_network(experiment)
        self._stacked = allocate_network(experiment)
        stack(self._stacked)
        self._stacked.to(self._device, self._dtype)
        layers = list_linears(self._drawn)
        self._weights = [torch.empty(size, *layer.weight.shape) for layer in layers]
        self._biases = [torch.empty(size, *layer.bias.shape) for layer in layers]
        self._normals = SharedNormals()

    def run(
        self, members: Sequence[Experiment], advance: Callable[[], None] = lambda: None
    ) -> StackedNumbers:
        """Run the members as one network; each has the numbers of ``run``.

        ``advance`` is called between layers; what it raises ends the pass.
        """
        inputs, targets = self._draw(members, advance)
        weights, biases = (
            [tensor[: len(members)].to(self._device, self._dtype) for tensor in tensors]
            for tensors in (self._weights, self._biases)
        )
        load_weights(self._stacked, weights, biases, [member.seed for member in members])
        with refuse_missing_operations("dtype", self._experiment.dtype, self._device):
            inputs, targets = inputs.to(self._device, self._dtype), targets.to(self._device)
            return self._run_pass(inputs, targets, advance)

    def _draw(
        self, members: Sequence[Experiment], advance: Callable[[], None]
    ) -> tuple[Tensor, Tensor]:
        """Draw the weights of each member into its part of the stack; return the batches."""
        layers = list_linears(self._drawn)
        batches = []
        for position, member in enumerate(members):
            inputs, targets = draw_batch(member.data, member.seed)
            for layer, weight, bias in zip(layers, self._weights, self._biases, strict=True):
                layer.weight.data, layer.bias.data = weight[position], bias[position]
            self._normals.share(_find_normals(member))
            with self._normals:
                draw_weights(self._drawn, member, inputs, advance)
            batches.append((inputs, targets))
        all_inputs, all_targets = zip(*batches, strict=True)
        return torch.stack(all_inputs), torch.stack(all_targets)

    def _run_pass(
        self, inputs: Tensor, targets: Tensor, advance: Callable[[], None]
    ) -> StackedNumbers:
        experiment, model = self._experiment, self._stacked
        recorder = StackedRecorder(
            model,
            HostStackedStatistics() if self._device.type == "cpu" else DeviceStackedStatistics(),
            self._columns,
            _find_responses(experiment.mlp),
            experiment.loss_scale,
            list_stream_blocks(model),
            advance,
        )
        with recorder:
            outputs = model(inputs)
        loss = LOSSES[experiment.loss].function
        pairs = zip(outputs.unbind(), targets.unbind(), strict=True)
        losses = torch.stack([loss(output, target) for output, target in pairs])
        # The graph ends at the bias of the first layer; the hooks see every gradient on the way.
        torch.autograd.grad((losses * experiment.loss_scale).sum(), list_linears(model)[0].bias)
        return StackedNumbers(
            losses.detach().double().cpu(),
            recorder.collect().cpu(),
            recorder.collect_stream().cpu(),
        )


def can_stack(experiment: Experiment) -> bool:
    """Say whether networks like this one run as one: fully connected ones do.

    The layers of convolutional networks and transformers have no counterparts for many members.
    """
    return isinstance(experiment.network, MLP)


def find_structure(experiment: Experiment) -> Hashable:
    """Find what the members of one stack have in common: all settings but ``MEMBER_FIELDS``."""
    return tuple(item for item in to_fields(experiment).items() if item[0] not in MEMBER_FIELDS)


def _find_normals(member: Experiment) -> Hashable:
    """Find what members share that draw the same normal numbers; ``None``: they draw others."""
    spec = member.mlp
    if INITIALIZATIONS[spec.initialization].function not in _NORMAL_FILLS:
        return None
    return member.seed, spec.bias_std > 0


def _find_responses(network: MLP) -> dict[type[nn.Module], Response]:
    """Find what to count behind the hidden layers, and behind the readout."""
    modules = [ACTIVATIONS[network.activation].module(network)]
    if (make := READOUTS[network.readout].module) is not None:
        modules.append(make())
    return {type(m): find_response(m) for m in modules if not isinstance(m, nn.Identity)}
