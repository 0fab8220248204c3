"""Changes that may keep a run whole that broke: the same run with one setting changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradflow.core.catalog import ACTIVATIONS, INITIALIZATIONS, Initialization
from gradflow.core.catalog.optimizers import Clip, Precision
from gradflow.core.codec import from_fields, to_fields
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.text import Text
from gradflow.core.training.divergence import Divergence
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.rehearsal import scale_targets

CLIP_NORM = 1.0
RATE_DIVISOR = 10.0


@dataclass(frozen=True)
class Cure:
    """A changed run.

    Attributes:
        code: ``targets``, ``clipping``, ``rate``, ``initialization`` or ``precision``.
        label: what changes, in words.
        experiment: what to train.
        plan: how.
    """

    code: str
    label: Text
    experiment: Any
    plan: TrainingPlan


def list_cures(
    experiment: Any, plan: TrainingPlan, divergence: Divergence | None = None
) -> list[Cure]:
    """List the cures that apply to a run.

    They are smaller targets where these were too large for the rate (``divergence``), clipping, a
    smaller rate, another initialization and a wider number format. The initialization is the one
    made for the activation function; only an ``Experiment`` whose network has one, and has another
    than that, is offered it.
    """
    return list(_yield_cures(experiment, plan, divergence))


def _yield_cures(
    experiment: Any, plan: TrainingPlan, divergence: Divergence | None
) -> Iterator[Cure]:
    rate = plan.learning_rate / RATE_DIVISOR
    if divergence is not None and divergence.targets:
        rate = divergence.rate or rate
        yield Cure("targets", Text("Scale the targets"), scale_targets(experiment), plan)
    if plan.clip is not Clip.NORM or plan.threshold > CLIP_NORM:
        label = Text("Clip the gradient to norm {c}", c=CLIP_NORM)
        clipped = plan.replace_settings(clip=Clip.NORM, threshold=CLIP_NORM)
        yield Cure("clipping", label, experiment, clipped)
    label = Text(
        "Learning rate {rate} instead of {old}",
        rate=rate,
        old=plan.learning_rate,
    )
    yield Cure("rate", label, experiment, plan.replace_settings(learning_rate=rate))
    if (reinitialized := _reinitialize(experiment)) is not None:
        code = Initialization(to_fields(reinitialized)["initialization"])
        label = Text("Initialization {name}", name=Text(INITIALIZATIONS[code].label))
        yield Cure("initialization", label, reinitialized, plan)
    if plan.precision is Precision.FLOAT16:
        label = Text("bfloat16 instead of float16")
        wider = plan.replace_settings(precision=Precision.BFLOAT16)
        yield Cure("precision", label, experiment, wider)


def _reinitialize(experiment: Any) -> Experiment | None:
    """Give the network the initialization made for its activation, if it has another."""
    if not isinstance(experiment, Experiment):
        return None
    fields = to_fields(experiment)
    if "initialization" not in fields:
        return None
    recommended = ACTIVATIONS[fields["activation"]].initialization
    if fields["initialization"] == recommended:
        return None
    try:
        return from_fields(fields | {"initialization": recommended})
    except InvalidExperiment:
        return None
