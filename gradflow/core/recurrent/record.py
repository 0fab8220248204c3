"""Recordings of one forward and one backward pass through time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gradflow.core.catalog import ACTIVATIONS, DTYPES, Activation, Cell
from gradflow.core.catalog.numerics import widen
from gradflow.core.frozen import Table
from gradflow.core.probe import resolve_device
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.gradients import watch_node
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.summary import FloatArray, Response, Summaries, Summarizer
from gradflow.core.recording.tables import make_parameters_table
from gradflow.core.recurrent.data import draw_sequences
from gradflow.core.recurrent.network import CellStep, RecurrentNetwork, build_recurrent
from gradflow.core.recurrent.report import (
    GATE_COLUMNS,
    GRADIENT_COLUMNS,
    SIGNAL_COLUMNS,
    STATES,
    STEP_COLUMNS,
    Sample,
    TimeReport,
)
from gradflow.core.recurrent.spec import SequenceExperiment

_SUMMARY_FIELDS = {"min": "low", "max": "high"}
"""Columns of signals whose summaries have another name."""


def _build_response(activation: Activation) -> Response:
    row = ACTIVATIONS[activation]
    ends = row.unsaturated
    return Response(ends and ends(torch.nn.Identity()), row.alive)


_SQUASH_RESPONSES = {name: _build_response(Activation(name)) for name in ("sigmoid", "tanh")}
_HIDDEN_RESPONSES = {
    Cell.RNN_TANH: _SQUASH_RESPONSES["tanh"],
    Cell.RNN_RELU: _build_response(Activation.RELU),
}


def compute_sequence_loss(
    experiment: SequenceExperiment, outputs: Tensor, targets: Tensor
) -> Tensor:
    """Compute the mean squared error, or the cross-entropy, over batch and counted steps.

    Args:
        experiment: says which of the two.
        outputs: ``(loss_steps, B, outputs)``.
        targets: ``(T, B)``; the last ``loss_steps`` count.
    """
    outputs, targets = widen(outputs), targets[-experiment.loss_steps :]
    if experiment.data.row.regression:
        return F.mse_loss(outputs.squeeze(2), targets.to(outputs.dtype))
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def prepare_pass(experiment: SequenceExperiment) -> tuple[RecurrentNetwork, Tensor, Tensor]:
    """Prepare network, inputs ``(T, B, features)`` and targets ``(T, B)`` on their device.

    Raises:
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    device, dtype = resolve_device(experiment.device), DTYPES[experiment.dtype].dtype
    inputs, targets = draw_sequences(experiment.data, experiment.seed)
    network = build_recurrent(experiment).to(device, dtype)
    return network, inputs.to(device, dtype), targets.to(device)


def through_time(
    experiment: SequenceExperiment,
    *,
    sample: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> TimeReport:
    """Run one forward and one backward pass and record every step of every layer.

    The pass is the unrolled one, which computes what ``torch.nn.RNN``, ``LSTM`` and ``GRU`` do,
    on the same parameters; recording looks at its tensors and changes none.

    Args:
        experiment: the network, the data and the loss.
        sample: the sequence of the batch that is kept unit by unit; beyond the batch, the last.
        advance: called between steps, forward and backward; what it raises ends the pass.

    Raises:
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    return record_pass(experiment, *prepare_pass(experiment), sample=sample, advance=advance)


def record_pass(
    experiment: SequenceExperiment,
    network: RecurrentNetwork,
    inputs: Tensor,
    targets: Tensor,
    *,
    sample: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> TimeReport:
    """Record one pass of a network as it stands, for example in the middle of training.

    ``.grad`` of its parameters stays as it is.

    Args:
        experiment: says what the loss is.
        network: the network.
        inputs: ``(T, B, features)``, on its device.
        targets: ``(T, B)``, on its device.
        sample: the sequence of the batch that is kept unit by unit; beyond the batch, the last.
        advance: called between steps, forward and backward; what it raises ends the pass.
    """
    limits = torch.finfo(inputs.dtype)
    make = HostSummarizer if inputs.device.type == "cpu" else DeviceSummarizer
    sample = min(max(sample, 0), inputs.shape[1] - 1)
    parameters = dict(network.named_parameters())
    start = time.perf_counter()
    recorder = _Recorder(experiment, make(1.0), inputs, sample, advance)
    with torch.enable_grad():
        loss = compute_sequence_loss(experiment, network.unroll(inputs, recorder), targets)
        gradients = torch.autograd.grad(loss, list(parameters.values()))
    summaries = recorder.summarizer.collect()
    measured = Parameters.measure(
        parameters,
        dict(zip(parameters, gradients, strict=True)),
        {},
        summaries,
        1.0,
    )
    return TimeReport(
        experiment=experiment,
        loss=float(loss.detach()),
        steps=recorder.build_steps_table(summaries),
        gates=recorder.build_gates_table(summaries),
        parameters=make_parameters_table(
            measured,
            _number_layers(experiment),
            measured.compute_update_ratio(experiment.learning_rate),
        ),
        histograms={key: summaries.histograms[t] for key, t in recorder.tickets.items()},
        sample=Sample(sample, _to_numpy(inputs[:, sample]), recorder.collect_sample_values()),
        grad_norm=measured.total_grad_norm,
        seconds=time.perf_counter() - start,
        device=str(inputs.device),
        dtype=str(inputs.dtype).removeprefix("torch."),
        smallest_normal=limits.tiny,
        smallest=limits.smallest_normal * limits.eps,
    )


class _Recorder:
    """Observer of an unrolled pass; it summarizes tensors at once and keeps few, without graph."""

    def __init__(
        self,
        experiment: SequenceExperiment,
        summarizer: Summarizer,
        inputs: Tensor,
        sample: int,
        advance: Callable[[], None],
    ) -> None:
        self.summarizer = summarizer
        self._advance = advance
        self.tickets: dict[tuple[str, int, int], int] = {}
        """Tickets of the summarizer by (quantity, layer, step), the last two from 1."""
        spec = experiment.network
        self._spec = spec
        self._length = len(inputs)
        self._sample = sample
        self._direct_state = "cell" if spec.row.has_cell else "hidden"
        self._hidden_response = _HIDDEN_RESPONSES.get(spec.cell)
        self._codes = [gate.code for gate in spec.row.gates]
        self._gate_responses = [_SQUASH_RESPONSES[gate.squash] for gate in spec.row.gates]
        highway = spec.row.highway
        self._highway = None if highway is None else self._codes.index(highway)
        names = ["hidden", *(["cell"] if spec.row.has_cell else []), *self._codes]
        self._traces = {
            (name, layer): inputs.new_empty(self._length, spec.hidden_size)
            for layer in range(1, spec.layers + 1)
            for name in names
        }
        self._gates: dict[int, list[Tensor]] = {}
        self._last: dict[int, Tensor] = {}
        self._incoming: dict[int, tuple[int, Tensor]] = {}

    def see_step(self, layer: int, time: int, step: CellStep) -> None:
        self._advance()
        self._record_signal("hidden", layer, time, step.hidden, self._hidden_response, watched=True)
        if step.cell is not None:
            self._record_signal("cell", layer, time, step.cell, None, watched=True)
        for name, gate, response in zip(self._codes, step.gates, self._gate_responses, strict=True):
            self._record_signal(name, layer, time, gate, response)
        if self._highway is not None:
            self._gates.setdefault(layer, []).append(step.gates[self._highway].detach())

    def see_output(self, layer: int, first: int, hidden: Tensor) -> None:
        def watch(gradient: Tensor) -> None:
            norms = torch.linalg.vector_norm(gradient.flatten(1), dim=1, dtype=torch.float64)
            self._incoming[layer] = (first, norms)

        watch_node(hidden.grad_fn, hidden.output_nr, watch)

    def _record_signal(
        self,
        name: str,
        layer: int,
        time: int,
        values: Tensor,
        response: Response | None,
        *,
        watched: bool = False,
    ) -> None:
        key = (name, layer + 1, time + 1)
        detached = values.detach()
        self.tickets[key] = self.summarizer.add_signal(detached, response, samples=name == "hidden")
        self._traces[name, layer + 1][time] = detached[self._sample]
        if not watched:
            return
        final = time == self._length - 1 and name == self._direct_state

        def watch(gradient: Tensor) -> None:
            self._advance()
            self.tickets[f"{name}_grad", layer + 1, time + 1] = self.summarizer.add_gradient(
                gradient
            )
            if final:
                self._last[layer] = gradient

        watch_node(values.grad_fn, values.output_nr, watch)

    def build_steps_table(self, summaries: Summaries) -> Table:
        layers = range(1, self._spec.layers + 1)
        steps = range(1, self._length + 1)
        keys = [(layer, step) for layer in layers for step in steps]
        columns: dict[str, Any] = {
            "layer": [layer for layer, _ in keys],
            "step": [step for _, step in keys],
            "incoming_grad_norm": np.concatenate(
                [self._collect_incoming_norms(n - 1) for n in layers]
            ),
            "direct_grad_norm": np.concatenate([self._compute_direct_norms(n - 1) for n in layers]),
        }
        for state in STATES:
            tickets = [self.tickets.get((state, *key), -1) for key in keys]
            for name in SIGNAL_COLUMNS:
                columns[f"{state}_{name}"] = summaries.get_column(
                    _SUMMARY_FIELDS.get(name, name), tickets
                )
            tickets = [self.tickets.get((f"{state}_grad", *key), -1) for key in keys]
            for name in GRADIENT_COLUMNS:
                field = "max_abs" if name == "max" else name
                columns[f"{state}_grad_{name}"] = summaries.get_column(field, tickets)
            columns[f"{state}_grad_subnormal"] /= summaries.get_column("size", tickets)
        return Table({name: np.asarray(columns[name]) for name in STEP_COLUMNS})

    def build_gates_table(self, summaries: Summaries) -> Table:
        keys = [key for key in self.tickets if key[0] in self._codes]
        tickets = [self.tickets[key] for key in keys]
        columns: dict[str, Any] = {
            "layer": np.array([layer for _, layer, _ in keys], np.int64),
            "step": np.array([step for _, _, step in keys], np.int64),
            "gate": np.array([name for name, _, _ in keys], object),
        }
        for name in GATE_COLUMNS[3:]:
            columns[name] = summaries.get_column(_SUMMARY_FIELDS.get(name, name), tickets)
        return Table(columns)

    def collect_sample_values(self) -> dict[tuple[str, int], FloatArray]:
        return {key: _to_numpy(trace) for key, trace in self._traces.items()}

    def _collect_incoming_norms(self, layer: int) -> FloatArray:
        first, norms = self._incoming[layer]
        incoming = np.zeros(self._length)
        incoming[first:] = norms.cpu().numpy()
        return incoming

    def _compute_direct_norms(self, layer: int) -> FloatArray:
        """Compute the norms of ∂L/∂s_T ⊙ Π gates, from step 1.

        The product is normalized after every step, because it would leave the range of float64.
        """
        if self._highway is None:
            return np.full(self._length, math.nan)
        norms, direction = [], self._last[layer].double()
        for gate in (None, *reversed(self._gates[layer][1:])):
            direction = direction if gate is None else direction * gate
            norms.append(torch.linalg.vector_norm(direction))
            direction = direction / norms[-1].where(norms[-1] > 0, 1.0)
        return np.cumprod(torch.stack(norms).cpu().numpy())[::-1]


def _to_numpy(values: Tensor) -> FloatArray:
    """Copy to the CPU; float16 and bfloat16 become float32."""
    numbers: FloatArray = widen(values).cpu().numpy()
    return numbers


def _number_layers(experiment: SequenceExperiment) -> dict[str, int]:
    """Number the layer of each parameter, by its name; the readout is the last layer."""
    depth = experiment.network.layers
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    numbers = {f"recurrent.{name}_l{k}": k + 1 for k in range(depth) for name in names}
    return numbers | {"readout.weight": depth + 1, "readout.bias": depth + 1}
