"""A cure: the settings it changes, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradflow.core.codec import from_fields, to_fields
from gradflow.core.experiment import Experiment, LayerSettings
from gradflow.core.remedies.measure import measure_saturated_share, measure_trend
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
    """

    experiment: Experiment
    factor: float
    saturated: float

    @classmethod
    def of(cls, experiment: Experiment, report: Report) -> Situation:
        """Measure the situation in ``report``, a run of ``experiment``."""
        return cls(experiment, measure_trend(report), measure_saturated_share(report))

    @property
    def network(self) -> LayerSettings:
        """The network to cure; ``find_applicable`` has no cure for a transformer."""
        network = self.experiment.network
        assert isinstance(network, LayerSettings)
        return network


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A row of ``REMEDIES``.

    Attributes:
        code: stable name.
        label: what a user reads.
        change: what it does and why that can help.
        cost: what it costs in time and parameters.
        limits: when it does not help.
        settings: the flat settings (``codec``) it would set; none where it does not apply.
        comment: says something of this very case, from the situation and the report afterwards.
        reason: says why it cannot do much in this very case; if not empty, it replaces ``limits``.
    """

    code: str
    label: str
    change: str
    cost: str
    limits: str
    settings: Callable[[Situation], Mapping[str, Any]]
    comment: Callable[[Situation, Report], Text] = lambda situation, after: EMPTY
    reason: Callable[[Situation], Text] = lambda situation: EMPTY

    def apply(self, situation: Situation) -> Experiment | None:
        """Change the experiment; ``None`` where the cure does not apply or changes nothing.

        All other settings stay; those that have no effect any more are dropped.

        Raises:
            InvalidExperiment: the cure cannot be combined with the rest of the experiment.
        """
        experiment = situation.experiment
        settings = self.settings(situation)
        if not settings:
            return None
        changed = from_fields(to_fields(experiment) | dict(settings))
        return None if changed == experiment else changed
