"""The numbers of one recorded pass, and the report made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.facts import Facts
from gradflow.core.recording import tables
from gradflow.core.recording.parameters import Parameters, Tickets
from gradflow.core.recording.recorder import WEIGHT_KINDS, Record, Recorder, Stream
from gradflow.core.recording.summary import NONE, FloatArray, Summaries, Summarizer
from gradflow.core.report import Report


def add_weights(
    records: list[Record],
    parameters: Mapping[str, Tensor],
    gradients: Mapping[int, Tensor],
    summarizer: Summarizer,
) -> Tickets:
    """Summarize the weight of every layer and its gradient.

    Returns their tickets, by the ``id`` of the weight. A weight that a parametrization computes
    anew is not a parameter of the model, and is left out.
    """
    own = {id(parameter) for parameter in parameters.values()}
    used = (record.module.weight for record in records if record.kind in WEIGHT_KINDS)
    weights = {id(weight): weight for weight in used if id(weight) in own}
    return {
        key: (
            summarizer.add_signal(weight, samples=False),
            summarizer.add_gradient(gradients[key]) if key in gradients else NONE,
        )
        for key, weight in weights.items()
        if isinstance(weight, Tensor)
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """All numbers of a report before its tables are made, which takes a while and can wait.

    Attributes:
        model: the model, only for names, shapes and number of its parameters.
        records, stream: from its ``Recorder``.
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
    stream: Stream
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
        **about: object,
    ) -> Recording:
        """Collect the records after the backward pass; ``about`` gives the other attributes."""
        return cls(
            model=model,
            records=recorder.records,
            stream=recorder.find_stream(),
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
        named = dict(self.model.named_parameters())
        smallest = torch.finfo(self.dtype)
        signals = tables.make_signals_table(self.records, layers, self.summaries)
        parameters = tables.make_parameters_table(
            self.parameters, tables.find_layers_of_parameters(named, layers), update_ratio
        )
        about: dict[str, Any] = {
            "loss": self.loss,
            "grad_norm": self.parameters.total_grad_norm,
            "clip_factor": clip_factor,
            "parameter_count": sum(p.numel() for p in named.values()),
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
        stream = None
        if self.stream.points:
            points, histograms = tables.make_stream_table(self.stream, self.summaries)
            stream = Report(
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
            histograms=tables.collect_histograms(layers, self.summaries, self.parameters),
            stream=stream,
            units=tables.collect_units(layers, self.summaries),
            **about,
        )
