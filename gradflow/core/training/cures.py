"""What may keep a run whole that broke: the same run with one setting changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradflow.core.catalog import ACTIVATIONS, INITIALIZATIONS, Initialization
from gradflow.core.catalog.optimizers import Clip, Precision
from gradflow.core.codec import from_fields, to_fields
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.text import _
from gradflow.core.training.plan import TrainingPlan

CLIP_NORM = 1.0
SMALLER = 10.0


@dataclass(frozen=True)
class Cure:
    """A changed run.

    Attributes:
        code: ``clipping``, ``rate``, ``initialization`` or ``precision``.
        label: what changes, in words.
        experiment: what to train.
        plan: how.
    """

    code: str
    label: str
    experiment: Any
    plan: TrainingPlan


def cures(experiment: Any, plan: TrainingPlan) -> list[Cure]:
    """Clipping, a smaller rate, another initialization, a wider number format: what applies.

    The initialization is the one made for the activation function; only an ``Experiment`` whose
    network has one, and has another than that, is offered it.
    """
    found = []
    if plan.clip is not Clip.NORM or plan.threshold > CLIP_NORM:
        label = _("Clip the gradient to norm {c}").format(c=f"{CLIP_NORM:g}")
        changed = plan.changed(clip=Clip.NORM, threshold=CLIP_NORM)
        found.append(Cure("clipping", label, experiment, changed))
    rate = plan.learning_rate / SMALLER
    label = _("Learning rate {rate} instead of {old}").format(
        rate=f"{rate:.3g}", old=f"{plan.learning_rate:.3g}"
    )
    found.append(Cure("rate", label, experiment, plan.changed(learning_rate=rate)))
    if (other := _reinitialized(experiment)) is not None:
        code = Initialization(to_fields(other)["initialization"])
        label = _("Initialization {name}").format(name=_(INITIALIZATIONS[code].label))
        found.append(Cure("initialization", label, other, plan))
    if plan.precision is Precision.FLOAT16:
        changed = plan.changed(precision=Precision.BFLOAT16)
        found.append(Cure("precision", _("bfloat16 instead of float16"), experiment, changed))
    return found


def _reinitialized(experiment: Any) -> Experiment | None:
    if not isinstance(experiment, Experiment):
        return None
    fields = to_fields(experiment)
    if "initialization" not in fields:
        return None
    made_for_it = ACTIVATIONS[fields["activation"]].initialization
    if fields["initialization"] == made_for_it:
        return None
    try:
        return from_fields(fields | {"initialization": made_for_it})
    except InvalidExperiment:
        return None
