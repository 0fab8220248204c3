"""The numbers of one recorded pass, and the report made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.coverage import Coverage
from gradflow.core.facts import Facts
from gradflow.core.recording import tables
from gradflow.core.recording.parameters import Parameters, Tickets
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.records import Record, Stream, WeightTickets
from gradflow.core.recording.summary import NONE, FloatArray, Summaries, Summarizer
from gradflow.core.report import Report

_LARGE = 2**12
"""Entries of a parameter that is summarized on its own."""


def add_weights(
    records: Sequence[Record],
    parameters: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    summarizer: Summarizer,
) -> WeightTickets:
    """Summarize the weights of every layer and their gradients, those of a recurrent one together.

    A weight that is computed of several parameters is none of them, and is left out. Large
    parameters in no layer are summarized as well, which is the fastest way to their norms.
    """
    groups = [record.weights for record in records if record.is_layer]
    recurrent = {record.weights for record in records if record.kind == "recurrent"}
    large = [(name,) for name, p in parameters.items() if p.numel() >= _LARGE]
    tickets: WeightTickets = {}
    for names in dict.fromkeys([*groups, *large]):
        weights = [parameters[name].detach() for name in names]
        if any(w.is_complex() for w in weights) or (len(names) > 1 and names not in recurrent):
            continue
        known = [gradients[name] for name in names if name in gradients]
        tickets[names] = (
            summarizer.add_signal(_join(weights), samples=False),
            summarizer.add_gradient(_join(known)) if len(known) == len(names) else NONE,
        )
    return tickets


def find_single_tickets(weights: WeightTickets) -> Tickets:
    """Find the tickets of the parameters that were summarized alone, by their names."""
    return {names[0]: tickets for names, tickets in weights.items() if len(names) == 1}


def _join(tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat([t.reshape(-1) for t in tensors])


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """All numbers of a report before its tables are made, which takes a while and can wait.

    Attributes:
        model: the model, only for names, shapes and number of its parameters.
        records, streams, layer_of, coverage: from its ``Recorder``.
        weights: tickets of the weights of layers.
        summaries: statistics of the signals and gradients.
        parameters: norms of the parameters and their gradients.
        loss: the loss as reduced.
        loss_scale: factor on the loss in the backward pass.
        dtype: the number format of the forward signal.
        device: where it ran.
        seconds: wall time of the pass.
        title, experiment, facts: as in the report.
    """

    model: nn.Module
    records: list[Record]
    streams: list[Stream]
    layer_of: Mapping[str, int]
    coverage: Coverage
    weights: WeightTickets
    summaries: Summaries
    parameters: Parameters
    loss: float
    loss_scale: float
    dtype: torch.dtype
    device: str
    seconds: float
    title: str
    experiment: Mapping[str, str] | None
    facts: Facts = field(default_factory=Facts)

    @classmethod
    def from_recorder(
        cls,
        model: nn.Module,
        recorder: Recorder,
        summaries: Summaries,
        parameters: Parameters,
        weights: WeightTickets,
        **about: object,
    ) -> Recording:
        """Collect the records after the backward pass; ``about`` gives the other attributes."""
        return cls(
            model=model,
            records=recorder.records,
            streams=recorder.find_streams(),
            layer_of=recorder.find_layers_of_parameters(),
            coverage=recorder.find_coverage(set(parameters.list_with_gradient())),
            weights=weights,
            summaries=summaries,
            parameters=parameters,
            **about,  # type: ignore[arg-type]
        )

    def make_report(self, update_ratio: FloatArray, clip_factor: float = 1.0) -> Report:
        """Make the report with its tables.

        Args:
            update_ratio: ‖ΔW‖/‖W‖ of every parameter, and a last NaN.
            clip_factor: factor by which clipping shortened the step.
        """
        layers = tables.group_layers(self.records)
        smallest = torch.finfo(self.dtype)
        signals = tables.make_signals_table(self.records, layers, self.summaries)
        parameters = tables.make_parameters_table(self.parameters, self.layer_of, update_ratio)
        about: dict[str, Any] = {
            "loss": self.loss,
            "grad_norm": self.parameters.total_grad_norm,
            "clip_factor": clip_factor,
            "parameter_count": sum(self.coverage.sizes.values()),
            "seconds": self.seconds,
            "device": self.device,
            "dtype": str(self.dtype).removeprefix("torch."),
            "smallest_normal": smallest.tiny / self.loss_scale,
            "smallest": smallest.smallest_normal * smallest.eps / self.loss_scale,
            "loss_scale": self.loss_scale,
            "title": self.title,
            "experiment": self.experiment,
            "facts": self.facts,
        }
        streams = {}
        for stream in self.streams:
            points, histograms = tables.make_stream_table(stream, self.summaries)
            streams[stream.name] = Report(
                signals=signals.take_none(),
                layers=points,
                parameters=parameters.take_none(),
                histograms=histograms,
                rows="block",
                **about,
            )
        return Report(
            signals=signals,
            layers=tables.make_layers_table(layers, self.summaries, self.parameters, update_ratio),
            parameters=parameters,
            histograms=tables.collect_histograms(layers, self.summaries, self.weights),
            streams=streams,
            coverage=self.coverage,
            units=tables.collect_units(layers, self.summaries),
            **about,
        )
