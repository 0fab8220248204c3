"""What the numbers of the page on pretraining say, in plain words and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import pandas as pd

from gradflow.charts.theme import format_number, format_share
from gradflow.core.histogram import FloatArray
from gradflow.core.pretraining.digits import CLASSES
from gradflow.core.pretraining.finetune import TuningCourse
from gradflow.core.pretraining.greedy import PretrainedStack
from gradflow.core.pretraining.spec import STARTS, Stack, Start, Transfer
from gradflow.core.pretraining.transfer import WAYS, Reuse, Way
from gradflow.core.text import _

GUESSING = math.log(CLASSES)
"""The loss of equal probabilities."""
_NOT_BEGUN = 0.95
_LEARNED, _BEGUN, _KNOWN = 0.85, 0.5, 0.99
_TIE = 0.01
"""Accuracies this close count as equal."""
_AHEAD = 0.03


class Fate(StrEnum):
    """How far training came."""

    LEARNED = "learned"
    UNDER_WAY = "under_way"
    BY_HEART = "by_heart"
    NOT_BEGUN = "not_begun"
    BROKEN = "broken"


def fate(course: TuningCourse) -> Fate:
    """Judged by the median over the seeds after the last step."""
    loss = float(np.median(course.loss[:, -1]))
    if not math.isfinite(loss):
        return Fate.BROKEN
    if loss > _NOT_BEGUN * GUESSING:
        return Fate.NOT_BEGUN
    if median(course.held_out_accuracy) >= _LEARNED:
        return Fate.LEARNED
    return Fate.BY_HEART if median(course.accuracy) >= _KNOWN else Fate.UNDER_WAY


def median(values: FloatArray) -> float:
    """Of the last column, over the seeds."""
    return float(np.median(values[:, -1]))


def spread(values: Sequence[float] | FloatArray) -> str:
    """A median and, of several, the smallest and the largest value; shares."""
    found = np.asarray(values, np.float64)
    middle = format_share(float(np.median(found)))
    if len(found) < 2:
        return middle
    return f"{middle} ({format_share(float(found.min()))} … {format_share(float(found.max()))})"


def course_sentence(course: TuningCourse) -> str:
    """Where training from one start ended."""
    name, steps = _(STARTS[course.start].label), int(course.steps[-1])
    loss = format_number(float(np.median(course.loss[:, -1])))
    texts = {
        Fate.LEARNED: _("tells **{share}** of the held-out images right; training loss {loss}."),
        Fate.UNDER_WAY: _("is on its way, **{share}** of the held-out images; loss {loss}."),
        Fate.BY_HEART: _(
            "tells **{share}** of the held-out images right, though it knows all its labelled "
            "ones; training loss {loss}."
        ),
        Fate.NOT_BEGUN: _(
            "has **not begun to learn** after {steps} steps: loss {loss}, guessing has 2.303."
        ),
        Fate.BROKEN: _("**overflowed:** the loss is not a finite number. Lower a learning rate."),
    }
    text = texts[fate(course)].format(
        share=spread(course.held_out_accuracy[:, -1]), loss=loss, steps=steps
    )
    return f"**{name}:** {text}"


def conclusion(courses: Sequence[TuningCourse], *, few: bool) -> str:
    """What follows from the comparison, as far as the chosen starts allow to say.

    Args:
        courses: the comparison.
        few: whether most of the training images have no label.
    """
    found = {course.start: course for course in courses}
    if Start.PRETRAINED not in found or median(found[Start.PRETRAINED].held_out_accuracy) < _BEGUN:
        return ""
    pretrained = found[Start.PRETRAINED]
    random = [found[s] for s in (Start.SMALL, Start.XAVIER) if s in found]
    best = median(pretrained.held_out_accuracy)
    sentences = []
    if random and all(fate(course) is Fate.NOT_BEGUN for course in random):
        sentences.append(_("With this activation, pretraining is what gets this network going."))
    elif random and max(median(c.held_out_accuracy) for c in random) >= best - _TIE:
        sentences.append(
            _("Random weights come as far here: this network does not need pretraining.")
        )
    elif random:
        sentences.append(_("Pretraining is ahead of random weights after these steps."))
    if Start.RELU in found:
        gap = best - median(found[Start.RELU].held_out_accuracy)
        if gap > _AHEAD:
            sentences.append(
                _(
                    "Even ReLU with He's initialization stays behind: what the stack has learned "
                    "without labels makes up for the labels that are missing."
                )
                if few
                else _("Even ReLU with He's initialization stays behind after these steps.")
            )
        elif gap <= 2 * _TIE:
            sentences.append(
                _(
                    "ReLU with He's initialization needs no pretraining to come as far: since "
                    "about 2010 better starts and activations have taken its place."
                )
            )
    return " ".join(sentences)


def gradient_sentence(courses: Sequence[TuningCourse]) -> str:
    """How much of the gradient arrives at the first layer, for every start."""
    parts = []
    for course in courses:
        delta = course.report.layers["delta_norm"].to_numpy(np.float64)
        ratio = (
            format_number(float(delta[0] / delta[-1]), 2) if delta[-1] else format_number(math.nan)
        )
        parts.append(f"{_(STARTS[course.start].label)} {ratio}")
    return _(
        "‖δ₁‖/‖δ_L‖, what arrives at the first layer of what leaves the readout: "
    ) + "; ".join(parts)


def tuning_table(courses: Sequence[TuningCourse]) -> pd.DataFrame:
    """Median loss and accuracies before and after, per start."""

    def both(values: FloatArray) -> str:
        first, last = np.median(values[:, [0, -1]], axis=0)
        return f"{format_share(float(first))} → {format_share(float(last))}"

    rows = []
    for course in courses:
        first, last = np.median(course.loss[:, [0, -1]], axis=0)
        rows.append({
            _("Start"): _(STARTS[course.start].label),
            _("Training loss"): f"{format_number(float(first))} → {format_number(float(last))}",
            _("Training accuracy"): both(course.accuracy),
            _("Held-out accuracy"): both(course.held_out_accuracy),
            _("all seeds"): ", ".join(map(format_share, course.held_out_accuracy[:, -1].tolist())),
        })  # fmt: skip
    return pd.DataFrame(rows)


def stack_sentence(stack: Stack, found: PretrainedStack) -> str:
    """What the whole stack keeps of an image."""
    error = float(found.pixel_error[-1])
    if not math.isfinite(error):
        return _(
            "**Pretraining overflowed:** from some layer on the numbers are not finite. Choose a "
            "smaller learning rate."
        )
    through = (
        _("Up through one layer and down again,")
        if stack.layers == 1
        else _("Up through {layers} layers and down again,").format(layers=stack.layers)
    )
    text = _(
        "{through} held-out images come back with a mean squared error of **{error}** per pixel; "
        "the mean image alone has {mean}."
    )
    if error > found.mean_error:
        text += " " + _("So the stack knows less than the mean image: it was not trained well.")
    return text.format(
        through=through, error=format_number(error), mean=format_number(found.mean_error)
    )


def stack_table(found: PretrainedStack) -> pd.DataFrame:
    """Reconstruction errors before and after, per layer."""

    def both(values: FloatArray) -> str:
        return f"{format_number(float(values[0]))} → {format_number(float(values[-1]))}"

    rows = []
    for i, one in enumerate(found.layers):
        row = {
            _("Layer"): str(i + 1),
            _("Own error, trained on"): both(one.error),
            _("Own error, held out"): both(one.held_out_error),
            _("Pixel error, down from here"): format_number(float(found.pixel_error[i])),
        }
        if np.isfinite(one.free_energy_gap).any():
            row[_("Free energy, held out − trained on")] = both(one.free_energy_gap)
        rows.append(row)
    return pd.DataFrame(rows)


def reuse_sentences(spec: Transfer, found: Reuse) -> list[str]:
    """What reuse did with few labels and with many."""
    first = _("The first task ({digits}) is learned to {share}.").format(
        digits=spelled(spec.first), share=spread(found.first_accuracy)
    )
    middle = np.median(found.accuracy, axis=1)
    ways = list(Way)
    sentences = [first]
    for column, label in ((0, _("one labelled image")), (-1, _("{n} labelled images"))):
        values = {way: float(middle[i, column]) for i, way in enumerate(ways)}
        best = max(values, key=lambda way: values[way])
        tied = sorted(values.values())[-2] >= values[best] - _TIE
        text = (
            _("With {label} of each new digit, the best two differ by at most 1 %: {shares}.")
            if tied
            else _("With {label} of each new digit, **{way}** is best: {shares}.")
        ).format(
            label=label.format(n=found.per_class[column]),
            way=_(WAYS[best].label).lower(),
            shares=", ".join(
                f"{_(WAYS[way].label).lower()} {format_share(v)}" for way, v in values.items()
            ),
        )
        sentences.append(text)
    return sentences


def spelled(digits: str) -> str:
    """Digits with commas between them."""
    return ", ".join(digits)


def reuse_table(found: Reuse) -> pd.DataFrame:
    """Median accuracy and its range, per number of labelled images."""
    rows = []
    for i, count in enumerate(found.per_class):
        row: dict[str, object] = {_("Images per digit"): str(count)}
        for j, way in enumerate(Way):
            row[_(WAYS[way].label)] = spread(found.accuracy[j, :, i])
        rows.append(row)
    return pd.DataFrame(rows)
