"""What the checks look at: a report, and what several of them derive from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from gradflow.core.catalog import Connection
from gradflow.core.codec import from_query
from gradflow.core.decay import Decay, find_kinds, fit_judged_decay, mark_inside_blocks
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, ConvNet, Experiment, LayerSettings, Transformer
from gradflow.core.facts import Facts
from gradflow.core.frozen import Table
from gradflow.core.report import Quantity, Report
from gradflow.core.verdict import Severity

FloatArray = npt.NDArray[np.float64]
UNDERFLOW_SHARE, UNDERFLOW_RMS = 0.01, 100.0
"""A layer underflows if more than this share of its gradient's entries is below the smallest
normal number, and their RMS is below that number times the second: tails reach there earlier, and
so do the samples that a network is sure of."""

SMALL_TABLE = 0.01
"""RMS of an embedding's vectors that is small."""
OFTEN_DEAD_SHARE = 0.5
"""More dead units than that are a warning."""


class Case:
    """A report to judge; what is derived from it is computed once."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.layers: Table = report.get_table("layers")
        self.signals: Table = report.get_table("signals")
        self.facts: Facts = report.facts
        self.numbers: list[int] = self.layers["layer"].tolist()

    @cached_property
    def experiment(self) -> Experiment | None:
        """The experiment that the report says it comes from, if that is a possible one."""
        return parse_experiment(self.report)

    @property
    def network(self) -> MLP | ConvNet | Transformer | None:
        """The spec of the network, if there is one."""
        return None if self.experiment is None else self.experiment.network

    @property
    def settings(self) -> LayerSettings | None:
        """The spec of a network of layers with weights, activation and normalization."""
        return self.network if isinstance(self.network, LayerSettings) else None

    @cached_property
    def modules(self) -> Mapping[int, str]:
        """The names of the layers of somebody's own model, by number; ours go without."""
        return {} if self.report.experiment else _list_modules(self.layers)

    @cached_property
    def branches(self) -> Mapping[int, str]:
        """The names of the branches of a residual stream, as ``modules`` has those of layers."""
        stream = self.report.stream
        if self.report.experiment or stream is None:
            return {}
        return _list_modules(stream.get_table("layers"))

    @cached_property
    def decay(self) -> Decay | None:
        """The course of the gradient that is judged."""
        decay = fit_judged_decay(self.report)
        is_bare = decay is not None and decay.rows == "branch" and self.has_bare_blocks
        return replace(decay, rows="block") if decay is not None and is_bare else decay

    @cached_property
    def inside_blocks(self) -> npt.NDArray[np.bool_]:
        """Which layers are inside a block of a residual stream."""
        return mark_inside_blocks(self.report)

    @property
    def readout(self) -> int | None:
        """The number of the last layer."""
        return self.numbers[-1] if self.numbers else None

    @cached_property
    def similarity(self) -> FloatArray:
        """Mean cosine between samples in hidden layers; NaN for the readout and single units.

        It is NaN, too, behind a layer that reads a single number, and one whose weights are equal:
        there samples may differ in size alone, and a cosine does not see that.
        """
        known = self.layers.get_numbers("similarity").copy()
        known[self.layers["fan_out"] < 2] = np.nan
        single = self.layers["fan_in"] == 1
        if single.any():
            single &= find_kinds(self.report) == "linear"
        if self.equal_layers:
            single |= np.isin(self.numbers, list(self.equal_layers))
        known[np.cumsum(single) > 0] = np.nan
        known[-1:] = np.nan
        return known

    @cached_property
    def equal_layers(self) -> set[int]:
        """The layers all of whose weights are one number."""
        return {n for n in self.numbers if self._has_equal_weights(n)}

    @cached_property
    def judged_similarity(self) -> FloatArray:
        """``similarity``, but inside a block at most that of the stream that passes it."""
        known, stream = self.similarity.copy(), self.report.stream
        if stream is not None and self.inside_blocks.any():
            along = stream.get_table("layers").get_numbers("similarity")
            most = float(np.nanmax(along, initial=-1.0))
            known[self.inside_blocks] = np.minimum(known[self.inside_blocks], most)
        return known

    @cached_property
    def zero_layers(self) -> list[int]:
        """The layers whose gradient is exactly 0."""
        return [n for n in self.numbers if self._is_gradient_zero(n)]

    @cached_property
    def dead_layer(self) -> int | None:
        """The first layer all of whose units are dead and that gets no gradient."""
        dead = self.layers["layer"][self.report.dead_unit_share() == 1].tolist()
        return next((n for n in dead if n in self.zero_layers), None)

    @cached_property
    def underflowing(self) -> list[int]:
        """The layers whose gradient is too small for the number format."""
        if self.is_loss_lost:
            return self.numbers
        rms = self.layers.get_numbers("delta_rms")
        limit = UNDERFLOW_RMS * self.report.smallest_normal
        return [
            n
            for n, size in zip(self.numbers, rms.tolist(), strict=True)
            if size < limit and self._measure_subnormal_share(n) > UNDERFLOW_SHARE
        ]

    @cached_property
    def signal_at_readout(self) -> float | None:
        """RMS of what differs between the samples where the readout reads; ``None`` if unknown."""
        if len(self.layers) < 2:
            return None
        rms = float(self.layers.get_numbers("activation_rms")[-2])
        alike = float(self.similarity[-2])
        if not 0 < rms < math.inf or math.isnan(alike):
            return None
        if alike == 1 and self.report.dead_unit_share()[-2] > OFTEN_DEAD_SHARE:
            return None  # few units are left, and of what they say only the size may differ
        return rms * float(np.sqrt(max(1 - alike, 0.0)))

    @property
    def has_shortcuts(self) -> bool:
        """Whether signals pass blocks beside their layers."""
        settings = self.settings
        along = settings is not None and settings.connection is not Connection.PLAIN
        return along or (self.report.stream is not None and not self.has_bare_blocks)

    @property
    def has_bare_blocks(self) -> bool:
        """Whether the blocks stand one behind another, with no shortcut past any of them."""
        stream = self.report.stream
        if stream is None or not self.facts.unbridged:
            return False
        names = set(map(str, stream.get_table("layers")["module"]))
        return len(names - set(self.facts.unbridged)) <= 1  # where the first reads is unknown

    @property
    def sees_inputs(self) -> bool:
        """Whether the readout sees the inputs itself, so that it learns without the layers."""
        return self.settings is not None and self.settings.connection is Connection.DENSE

    @cached_property
    def starts_small(self) -> bool:
        """Whether the first layer is a table of small numbers, an embedding, which grows."""
        if self.facts.inputs is not None or not len(self.layers):
            return False
        rms = float(self.layers.get_numbers("activation_rms")[0])
        return str(self.signals["kind"][0]) == "other" and rms < SMALL_TABLE

    def soften(self, severity: Severity) -> Severity:
        """Soften what is bad in the layers where the readout sees the inputs itself."""
        is_softened = severity is Severity.BAD and self.sees_inputs
        return Severity.WARNING if is_softened else severity

    @property
    def is_loss_lost(self) -> bool:
        """Whether float16 has made 0 of the gradient where it enters the network."""
        last = self.signals.get_numbers("grad_zero")[-1:]
        return (
            self.report.dtype == "float16"
            and bool(self.facts.loss)
            and 0 < self.report.loss < math.inf
            and self.zero_layers == self.numbers
            and bool((last == 1).any())
        )

    def _has_equal_weights(self, layer: int) -> bool:
        weight = self.report.histograms.get(("weight", layer))
        return weight is not None and len(weight.counts) == 1 and weight.nonfinite == 0

    def _is_gradient_zero(self, layer: int) -> bool:
        delta = self.report.histograms.get(("delta", layer))
        return delta is not None and delta.zeros == delta.total > 0

    def _measure_subnormal_share(self, layer: int) -> float:
        """Return the larger share of subnormal entries in the layer's ∂L/∂z and ∂L/∂a."""
        quantities: tuple[Quantity, ...] = ("delta", "activation_grad")
        histograms = (self.report.histograms.get((quantity, layer)) for quantity in quantities)
        return max((h.subnormal / h.total for h in histograms if h and h.total), default=0.0)


def _list_modules(table: Table) -> Mapping[int, str]:
    return dict(zip(table["layer"].tolist(), map(str, table["module"]), strict=True))


def parse_experiment(report: Report) -> Experiment | None:
    """Read the experiment that a report says it comes from; ``None`` if it has no possible one."""
    if not report.experiment:
        return None
    return _parse_settings(tuple((str(k), str(v)) for k, v in report.experiment.items()))


@lru_cache(maxsize=64)
def _parse_settings(settings: tuple[tuple[str, str], ...]) -> Experiment | None:
    try:
        return from_query(dict(settings))
    except InvalidExperiment:
        return None
