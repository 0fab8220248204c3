"""What the numbers of the page on pretraining say, in plain words and tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
import pandas as pd

from gradflow.core.histogram import FloatArray
from gradflow.core.numbers import format_number, format_share
from gradflow.core.pretraining.digits import CLASSES
from gradflow.core.pretraining.finetune import TuningCourse
from gradflow.core.pretraining.greedy import PretrainedStack
from gradflow.core.pretraining.spec import STARTS, Stack, Start, Transfer
from gradflow.core.pretraining.transfer import PER_CLASS, WAYS, Reuse, Way
from gradflow.core.text import N_, _

GUESSING = math.log(CLASSES)
"""The loss of equal probabilities."""
_NOT_BEGUN = 0.95
"""Share of the loss of guessing above which nothing is learned yet."""
_LEARNED = 0.85
"""Accuracy on held-out images from which on a network has learned."""
_USEFUL = 0.5
"""Accuracy on held-out images below which nothing can be concluded."""
_BY_HEART = 0.99
"""Accuracy on its training images from which on a network knows them."""
_TIE = 0.01
"""Accuracies this close count as equal."""
_AHEAD = 0.03
"""An accuracy this much larger counts as better."""
_TEN = PER_CLASS.index(10)


class TuningFate(StrEnum):
    """How far training came."""

    LEARNED = "learned"
    UNDER_WAY = "under_way"
    BY_HEART = "by_heart"
    NOT_BEGUN = "not_begun"
    BROKEN = "broken"


def judge_course(course: TuningCourse) -> TuningFate:
    """Judge how far training came, by the medians over the seeds after the last step."""
    loss = find_last_median(course.loss)
    if not math.isfinite(loss):
        return TuningFate.BROKEN
    if loss > _NOT_BEGUN * GUESSING:
        return TuningFate.NOT_BEGUN
    if find_last_median(course.held_out_accuracy) >= _LEARNED:
        return TuningFate.LEARNED
    by_heart = find_last_median(course.accuracy) >= _BY_HEART
    return TuningFate.BY_HEART if by_heart else TuningFate.UNDER_WAY


def find_last_median(values: FloatArray) -> float:
    """Find the median over the seeds after the last step of values ``(seeds, steps)``."""
    return float(np.median(values[:, -1]))


def format_spread(shares: Sequence[float] | FloatArray) -> str:
    """Write the median of shares and, of several, the smallest and the largest."""
    median, low, high = (format_share(float(f(shares))) for f in (np.median, np.min, np.max))
    return median if len(shares) < 2 else f"{median} ({low} … {high})"


def describe_tuning(course: TuningCourse) -> str:
    """Say where training from one start ended."""
    name, steps = _(STARTS[course.start].label), int(course.steps[-1])
    loss = format_number(find_last_median(course.loss))
    text = _(_FATES[judge_course(course)]).format(
        share=format_spread(course.held_out_accuracy[:, -1]), loss=loss, steps=steps
    )
    return f"**{name}:** {text}"


_FATES: dict[TuningFate, str] = {
    TuningFate.LEARNED: N_(
        "classifies **{share}** of the held-out images correctly; training loss {loss}."
    ),
    TuningFate.UNDER_WAY: N_(
        "is still learning: it classifies **{share}** of the held-out images correctly; loss "
        "{loss}."
    ),
    TuningFate.BY_HEART: N_(
        "classifies **{share}** of the held-out images correctly, although it gets all its "
        "labelled ones right; training loss {loss}."
    ),
    TuningFate.NOT_BEGUN: N_(
        "has **not begun to learn** after {steps} steps: loss {loss}; guessing gives 2.3."
    ),
    TuningFate.BROKEN: N_(
        "**overflowed:** the loss is not a finite number. Lower a learning rate."
    ),
}


def describe_conclusion(courses: Sequence[TuningCourse], *, few: bool) -> str:
    """Say what follows from a comparison of starts, as far as the chosen ones allow.

    Args:
        courses: the comparison.
        few: whether most of the training images have no label.
    """
    accuracies = {c.start: find_last_median(c.held_out_accuracy) for c in courses}
    pretrained = accuracies.get(Start.PRETRAINED, 0.0)
    if pretrained < _USEFUL:
        return ""
    random = [course for course in courses if course.start in (Start.SMALL, Start.XAVIER)]
    sentences = []
    if random and all(judge_course(course) is TuningFate.NOT_BEGUN for course in random):
        sentences.append(_("With this activation, pretraining is what gets this network going."))
    elif random and max(accuracies[course.start] for course in random) >= pretrained - _TIE:
        sentences.append(
            _("Random weights do just as well here: this network does not need pretraining.")
        )
    elif random:
        sentences.append(_("Pretraining is ahead of random weights after these steps."))
    if Start.RELU in accuracies:
        gap = pretrained - accuracies[Start.RELU]
        if gap > _AHEAD:
            sentences.append(
                _(
                    "Even ReLU with He initialization falls behind: what the stack has "
                    "learned without labels makes up for the labels that are missing."
                )
                if few
                else _("Even ReLU with He initialization is behind after these steps.")
            )
        elif gap <= 2 * _TIE:
            sentences.append(
                _(
                    "ReLU with He initialization does just as well without pretraining: since "
                    "about 2010, better initializations and activations have replaced it."
                )
            )
    return " ".join(sentences)


def describe_gradients(courses: Sequence[TuningCourse]) -> str:
    """Say how much of the gradient arrives at the first layer, for every start."""
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


def tabulate_tuning(courses: Sequence[TuningCourse]) -> pd.DataFrame:
    """Make a table of median loss and accuracies before and after training, per start."""

    def format_change(values: FloatArray, write: Callable[[float], str]) -> str:
        first, last = np.median(values[:, [0, -1]], axis=0)
        return f"{write(float(first))} → {write(float(last))}"

    rows = []
    for course in courses:
        seeds = course.held_out_accuracy[:, -1].tolist()
        rows.append(
            {
                _("Start"): _(STARTS[course.start].label),
                _("Training loss"): format_change(course.loss, format_number),
                _("Training accuracy"): format_change(course.accuracy, format_share),
                _("Held-out accuracy"): format_change(course.held_out_accuracy, format_share),
                _("all seeds"): ", ".join(map(format_share, seeds)),
            }
        )
    return pd.DataFrame(rows)


def describe_stack(stack: Stack, pretrained: PretrainedStack) -> str:
    """Say what the whole stack keeps of an image."""
    error = float(pretrained.pixel_error[-1])
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
    if error > pretrained.mean_error:
        text += " " + _("So the stack does worse than the mean image: it was not trained well.")
    return text.format(
        through=through, error=format_number(error), mean=format_number(pretrained.mean_error)
    )


def tabulate_stack(pretrained: PretrainedStack) -> pd.DataFrame:
    """Make a table of reconstruction errors before and after training, per layer."""

    def format_change(values: FloatArray) -> str:
        return f"{format_number(float(values[0]))} → {format_number(float(values[-1]))}"

    rows = []
    for i, layer in enumerate(pretrained.layers):
        row = {
            _("Layer"): str(i + 1),
            _("Own error, trained on"): format_change(layer.error),
            _("Own error, held out"): format_change(layer.held_out_error),
            _("Pixel error, down from here"): format_number(float(pretrained.pixel_error[i])),
        }
        if np.isfinite(layer.free_energy_gap).any():
            row[_("Free energy, held out − trained on")] = format_change(layer.free_energy_gap)
        rows.append(row)
    return pd.DataFrame(rows)


def describe_reuse(spec: Transfer, reuse: Reuse) -> list[str]:
    """Say what reuse of layers did with one label, with ten and with many, a sentence each."""
    first = _("On the first task ({digits}) the network reaches {share}.").format(
        digits=", ".join(spec.first), share=format_spread(reuse.first_accuracy)
    )
    medians = np.median(reuse.accuracy, axis=1)
    ways = list(Way)
    sentences = [first]
    several = _("{n} labelled images")
    for column, label in ((0, _("one labelled image")), (_TEN, several), (-1, several)):
        values = {way: float(medians[i, column]) for i, way in enumerate(ways)}
        best = max(values, key=lambda way: values[way])
        tied = sorted(values.values())[-2] >= values[best] - _TIE
        text = (
            _("With {label} of each class, the best two differ by at most 1%: {shares}.")
            if tied
            else _("With {label} of each class, **{way}** is best: {shares}.")
        ).format(
            label=label.format(n=reuse.per_class[column]),
            way=_(WAYS[best].label).lower(),
            shares=", ".join(
                f"{_(WAYS[way].label).lower()} {format_share(v)}" for way, v in values.items()
            ),
        )
        sentences.append(text)
    return sentences


def tabulate_reuse(reuse: Reuse) -> pd.DataFrame:
    """Make a table of median accuracy and its range, per number of labelled images."""
    rows = []
    for i, count in enumerate(reuse.per_class):
        row: dict[str, object] = {_("Images per class"): str(count)}
        for j, way in enumerate(Way):
            row[_(WAYS[way].label)] = format_spread(reuse.accuracy[j, :, i])
        rows.append(row)
    return pd.DataFrame(rows)
