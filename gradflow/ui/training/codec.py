"""The settings of a run: an experiment, as on Explore, and a plan for its training."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gradflow.core.experiment import Experiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import to_query
from gradflow.core.text import Text, join_texts
from gradflow.core.training import TrainingPlan
from gradflow.ui.settings.codecs import EXPERIMENTS, Fields, SpecCodec
from gradflow.ui.settings.link import join_names

UNUSED = frozenset({"learning_rate", "clip_norm", "loss_scale"})
"""Settings of an experiment that a training run takes from its plan."""
_PLANS = SpecCodec(TrainingPlan)
_PLAN_NAMES = tuple(TrainingPlan.model_fields)


@dataclass(frozen=True)
class RunSettings:
    """What one run is made with."""

    experiment: Experiment
    plan: TrainingPlan


class RunCodec:
    """Settings of a run; where a plan and an experiment share a name, it is the plan's."""

    def list_names(self) -> Collection[str]:
        """List the names of all settings, those without effect in a run too."""
        return list(dict.fromkeys((*_PLAN_NAMES, *EXPERIMENTS.list_names())))

    def list_specs(self, values: Fields, /) -> tuple[type[Spec], ...]:
        """List the plan's spec and those of the experiment."""
        return (TrainingPlan, *EXPERIMENTS.list_specs(values))

    def to_fields(self, settings: RunSettings) -> dict[str, Any]:
        """Write all settings as flat values."""
        experiment = EXPERIMENTS.to_fields(settings.experiment)
        return select_experiment(experiment) | _PLANS.to_fields(settings.plan)

    def from_fields(self, values: Fields) -> RunSettings:
        """Make experiment and plan from those values that apply."""
        experiment = EXPERIMENTS.from_fields(select_experiment(values))
        return RunSettings(experiment, _PLANS.from_fields(values))

    def to_query(self, settings: RunSettings) -> dict[str, str]:
        """Write those settings that apply as URL parameters."""
        experiment = EXPERIMENTS.to_query(settings.experiment)
        return select_experiment(experiment) | to_query(settings.plan)

    def from_query(self, texts: Mapping[str, str]) -> RunSettings:
        """Read experiment and plan; missing settings take their defaults."""
        plan = {name: text for name, text in texts.items() if name in _PLAN_NAMES}
        experiment = EXPERIMENTS.from_query(select_experiment(texts))
        return RunSettings(experiment, _PLANS.from_query(plan))

    def describe_unused(self, texts: Mapping[str, str], settings: RunSettings, /) -> Text | str:
        """Say which parameters have no effect, on this page or on these settings."""
        unused = [name for name in sorted(UNUSED) if name in texts and name not in _PLAN_NAMES]
        elsewhere = Text(
            "{names}: no effect on this page; use clip, threshold and precision",
            names=join_names(unused),
        )
        here = EXPERIMENTS.describe_unused(select_experiment(texts), settings.experiment)
        return join_texts(*([elsewhere] if unused else []), here, separator="\n")


def select_experiment(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Select the settings of the experiment that a run uses."""
    return {n: v for n, v in fields.items() if n not in UNUSED and n not in _PLAN_NAMES}
