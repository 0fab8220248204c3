"""The settings of a run as a URL writes them: a preset's code, or experiment and plan in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradflow.core import codec
from gradflow.core.errors import quote_value
from gradflow.core.experiment import Experiment
from gradflow.core.teaching.fields import to_query
from gradflow.core.training import TrainingPlan
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.forged import made, names
from gradflow.ui.state import left_out, tolerant
from gradflow.ui.training.runs import Setup

UNUSED = frozenset({"learning_rate", "clip_norm", "loss_scale"})
"""Settings of an experiment that a training run takes from its plan."""
_PRESET = "preset"


@dataclass(frozen=True)
class Address:
    """What a URL says.

    Attributes:
        preset: its code, if it names one; the rest is then without effect.
        experiment, plan: what is possible of the settings, the rest at its default.
        problems: what is not, in words.
    """

    preset: str | None = None
    experiment: Experiment = field(default_factory=Experiment)
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    problems: tuple[str, ...] = ()


def read(query: Mapping[str, str]) -> Address:
    """What the query parameters say; forged ones are named, and the others hold."""
    rest = dict(query)
    problems: list[str] = []
    code = rest.pop(_PRESET, None)
    if code in TRAINING_PRESETS:
        if rest:
            problems.append(f"{names(rest)}: no effect beside preset; leave preset out")
        return Address(preset=code, problems=tuple(problems))
    if code is not None:
        known = ", ".join(TRAINING_PRESETS)
        problems.append(f"preset: {quote_value(code)} is not allowed; choose one of {known}")
    own = {name: rest.pop(name) for name in TrainingPlan.model_fields if name in rest}
    plan, link = made(lambda texts: TrainingPlan(**texts), own, TrainingPlan.model_fields)
    problems += link.problems
    if unused := {name: rest.pop(name) for name in sorted(UNUSED) if name in rest}:
        problems.append(
            f"{names(unused)}: no effect on this page; use clip, threshold and precision"
        )
    experiment, problem = tolerant(rest)
    problems += filter(None, [problem, left_out(rest, experiment)])
    return Address(None, experiment, plan, tuple(problems))


def written(setup: Setup) -> dict[str, str]:
    """Inverse of :func:`read`: the query parameters of what is to be trained."""
    if setup.preset is not None:
        return {_PRESET: setup.preset}
    one = setup.runs[0]
    texts, own = codec.to_query(one.experiment), to_query(one.plan)
    query = {name: text for name, text in texts.items() if name not in UNUSED}
    return query | {name: own[name] for name in TrainingPlan.list_applicable(dict(one.plan))}
