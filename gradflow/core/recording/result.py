"""What one recorded pass leaves behind, and the report that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gradflow.core.recording import tables
from gradflow.core.recording.parameters import Parameters, Tickets
from gradflow.core.recording.recorder import WEIGHT_KINDS, Record, Recorder, Stream
from gradflow.core.recording.summary import NONE, FloatArray, Summaries, Summarizer
from gradflow.core.report import Report


def enqueue_weights(
    records: list[Record],
    parameters: Mapping[str, Tensor],
    gradients: Mapping[int, Tensor],
    summarizer: Summarizer,
) -> Tickets:
    """Tickets of the weight of every layer and of its gradient, by the ``id`` of the weight.

    Weights that a parametrization computes anew are none of the model's parameters.
    """
    own = {id(parameter) for parameter in parameters.values()}
    used = (record.module.weight for record in records if record.kind in WEIGHT_KINDS)
    weights = {id(weight): weight for weight in used if id(weight) in own}
    return {
        key: (
            summarizer.signal(weight, samples=False),
            summarizer.gradient(gradients[key]) if key in gradients else NONE,
        )
        for key, weight in weights.items()
        if isinstance(weight, Tensor)
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """Everything a report is made of, as plain numbers; its tables take a while, so they can wait.

    Attributes:
        model: the model, of which only names, shapes and number of parameters are asked.
        records, stream: of its ``Recorder``.
        summaries, parameters: the numbers.
        loss: the loss as reduced.
        loss_scale: what it was multiplied by in the backward pass.
        dtype: the number format of the forward signal.
        device: where it ran.
        seconds: wall time of the pass.
        title, experiment: as the report has them.
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

    @classmethod
    def taken(
        cls,
        model: nn.Module,
        recorder: Recorder,
        summaries: Summaries,
        parameters: Parameters,
        **about: object,
    ) -> Recording:
        """After the backward pass; ``about``: the other attributes."""
        return cls(
            model=model,
            records=recorder.records,
            stream=recorder.stream(),
            summaries=summaries,
            parameters=parameters,
            **about,  # type: ignore[arg-type]
        )

    def report(self, update_ratio: FloatArray, clip_factor: float = 1.0) -> Report:
        """The report.

        Args:
            update_ratio: ‖ΔW‖/‖W‖ of every parameter, and a last NaN.
            clip_factor: what clipping multiplied the step by.
        """
        layers = tables.grouped(self.records)
        named = dict(self.model.named_parameters())
        smallest = torch.finfo(self.dtype)
        report = Report(
            loss=self.loss,
            signals=tables.signals_table(self.records, layers, self.summaries),
            layers=tables.layers_table(layers, self.summaries, self.parameters, update_ratio),
            parameters=tables.parameters_table(
                self.parameters, tables.layer_of_parameters(named, layers), update_ratio
            ),
            histograms=tables.histograms(layers, self.summaries, self.parameters),
            grad_norm=self.parameters.total_grad_norm(),
            clip_factor=clip_factor,
            parameter_count=sum(p.numel() for p in named.values()),
            seconds=self.seconds,
            device=self.device,
            dtype=str(self.dtype).removeprefix("torch."),
            smallest_normal=smallest.tiny / self.loss_scale,
            smallest=smallest.smallest_normal * smallest.eps / self.loss_scale,
            loss_scale=self.loss_scale,
            title=self.title,
            experiment=self.experiment,
        )
        if not self.stream.points:
            return report
        points, histograms = tables.stream_table(self.stream, self.summaries)
        stream = replace(
            report,
            layers=points,
            signals=report.signals.iloc[:0],
            parameters=report.parameters.iloc[:0],
            histograms=histograms,
            rows="block",
        )
        return replace(report, stream=stream)
