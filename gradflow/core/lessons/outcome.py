"""What a lesson's runs give: which prediction is right, and the numbers that its texts quote."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradflow.core.experiment import MLP, Experiment
from gradflow.core.histogram import FloatArray
from gradflow.core.lessons.schema import Kind, Lesson
from gradflow.core.lessons.subjects import MEASURES, Curve, Measure, Subject
from gradflow.core.teaching.activation_facts import find_facts

_PLACES = 41
"""Places at which two curves are compared."""
_BROKEN = 3.0
"""By how much a value that is not finite lies above the highest one, in decades."""
Draw = Callable[[Measure, Subject], Curve]
"""Runs a subject and takes the measured line; the app remembers what it gave."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the runs of a lesson give.

    Attributes:
        run: the run that answers the question.
        options: the curves to choose from, by code; each is a run with seed 0.
        right: the code of the right prediction: an option's, or a factor's place.
    """

    run: Curve
    options: Mapping[str, Curve]
    right: str


def find_outcome(lesson: Lesson, seed: int, draw: Draw) -> Outcome:
    """Run a lesson whose answer is a factor or one of several curves.

    Args:
        lesson: the lesson.
        seed: of the run that answers; curves to choose from have seed 0.
        draw: runs a subject.
    """
    run = draw(lesson.measure, lesson.make_subject(seed))
    if lesson.kind is Kind.FACTOR:
        return Outcome(run, {}, find_nearest_factor(lesson, run.factor))
    options = {
        option.code: draw(lesson.measure, lesson.make_subject(0, option.settings))
        for option in lesson.options
    }
    distances = measure_distances(run, options, log=MEASURES[lesson.measure].log)
    return Outcome(run, options, min(distances, key=distances.__getitem__))


def find_nearest_factor(lesson: Lesson, factor: float) -> str:
    """Find the place, on the slider, of the factor that is nearest as a ratio."""
    ratios = [
        abs(math.log(choice / factor)) if factor > 0 else -choice for choice in lesson.factors
    ]
    return str(int(np.argmin(ratios))) if math.isfinite(factor) else str(len(ratios) - 1)


def measure_distances(run: Curve, options: Mapping[str, Curve], *, log: bool) -> dict[str, float]:
    """Measure how far each option is from a run: the mean |difference| over its course.

    Sizes differ in decades, shares as they are. What is not finite counts as ``_BROKEN`` decades
    above the largest value of all.
    """
    lines = {code: _resample(curve, log=log) for code, curve in options.items()}
    own = _resample(run, log=log)
    finite = np.concatenate([own, *lines.values()])
    top = finite[np.isfinite(finite)].max(initial=0.0) + _BROKEN
    own = np.nan_to_num(own, nan=top, posinf=top)
    return {
        code: float(np.abs(np.nan_to_num(line, nan=top, posinf=top) - own).mean())
        for code, line in lines.items()
    }


def _resample(curve: Curve, *, log: bool) -> FloatArray:
    """Take a curve at the same number of places over its whole course."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log10(curve.y) if log else curve.y
    values = np.where(np.isneginf(values), np.finfo(np.float64).minexp, values)
    places = np.linspace(0, len(values) - 1, _PLACES)
    sampled: FloatArray = values[np.rint(places).astype(int)]
    return sampled


def list_values(lesson: Lesson, outcome: Outcome | None = None) -> dict[str, str | float]:
    """List what the texts of a lesson can quote.

    These are its settings by name, and ``slope``, the largest slope of its activation. Once there
    is an outcome: ``layers``, the places of the run; ``result``, its factor, or where it ends;
    ``left``, where it ends; ``start``, where it starts; and by its code where each option ends.
    """
    values: dict[str, str | float] = dict(lesson.settings)
    subject = lesson.make_subject(0)
    if isinstance(subject, Experiment) and isinstance(subject.network, MLP):
        values["slope"] = find_facts(subject.network).peak.slope
    if outcome is None:
        return values
    run = outcome.run
    values |= {"layers": len(run.x), "left": run.reached, "start": run.start}
    values["result"] = run.factor if lesson.kind is Kind.FACTOR else run.reached
    return values | {code: curve.reached for code, curve in outcome.options.items()}
