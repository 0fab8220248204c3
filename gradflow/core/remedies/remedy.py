"""A cure: the settings it changes, and what it says about itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gradflow.core.codec import from_fields, to_fields
from gradflow.core.experiment import Experiment, LayerSettings, NetworkSpec
from gradflow.core.remedies.measure import (
    find_steady_rate,
    measure_saturated_share,
    measure_trend,
)
from gradflow.core.remedies.parts import Part
from gradflow.core.report import Report
from gradflow.core.text import EMPTY, Text


@dataclass(frozen=True)
class Situation:
    """What a cure knows of an experiment before it changes anything.

    Attributes:
        experiment: the experiment to cure.
        factor: ‖δ‖ per layer on its way back: < 1 vanishing, > 1 exploding, 1 steady; 0 or ∞ where
            nothing finite is left.
        saturated: share of saturated units in the hidden layers.
        steady_rate: a learning rate that suits this loss and gradient; NaN if unknown.
    """

    experiment: Experiment
    factor: float
    saturated: float
    steady_rate: float = math.nan

    @classmethod
    def of(cls, experiment: Experiment, report: Report) -> Situation:
        """Measure the situation in ``report``, a run of ``experiment``."""
        return cls(
            experiment,
            measure_trend(report),
            measure_saturated_share(report),
            find_steady_rate(report),
        )

    @property
    def network(self) -> LayerSettings:
        """The network to cure, for cures of networks with layers of one kind."""
        network = self.experiment.network
        assert isinstance(network, LayerSettings)
        return network


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A row of ``REMEDIES``.

    Attributes:
        code: stable name.
        part: what it changes.
        label: what a user reads.
        change: what it does and why that can help.
        cost: what it costs in time and parameters.
        limits: when it does not help.
        settings: the flat settings (``codec``) it would set; none where it does not apply.
        plan: the settings of training it would set (``TrainingPlan``); none where it does not
            apply. Such a cure changes no experiment.
        kinds: the networks it is for.
        hidden: hidden layers that it needs at least.
        mends: whether it takes away what is wrong with data, loss or output; other cures make up
            for it at best.
        comment: says something of this very case, from the situation and the report afterwards.
        reason: says why it cannot do much in this very case; if not empty, it replaces ``limits``.
    """

    code: str
    part: Part
    label: str
    change: str
    cost: str
    limits: str
    settings: Callable[[Situation], Mapping[str, Any]] = lambda situation: {}
    plan: Callable[[Situation], Mapping[str, Any]] = lambda situation: {}
    kinds: tuple[type[NetworkSpec], ...] = (LayerSettings,)
    hidden: int = 1
    mends: bool = False
    comment: Callable[[Situation, Report], Text] = lambda situation, after: EMPTY
    reason: Callable[[Situation], Text] = lambda situation: EMPTY

    def fits(self, network: NetworkSpec) -> bool:
        """Return whether it is for this kind of network."""
        if isinstance(network, LayerSettings) and len(network.hidden_widths) < self.hidden:
            return False
        return isinstance(network, self.kinds)

    def apply(self, situation: Situation) -> Experiment | None:
        """Change the experiment; ``None`` where the cure does not apply or changes nothing.

        All other settings stay; those that have no effect any more are dropped.

        Raises:
            InvalidExperiment: the cure cannot be combined with the rest of the experiment.
        """
        experiment = situation.experiment
        settings = self.settings(situation) if self.fits(experiment.network) else {}
        if not settings:
            return None
        changed = from_fields(to_fields(experiment) | dict(settings))
        return None if changed == experiment else changed


make_general = partial(Remedy, kinds=(NetworkSpec,), hidden=0)
"""Makes a cure for networks of every kind, also without a hidden layer."""
