"""Cures of the step: the rate, and what only a plan of training can set."""

from __future__ import annotations

import math

from gradflow.core.catalog.optimizers import Optimizer
from gradflow.core.catalog.schedules import Schedule
from gradflow.core.experiment import Transformer
from gradflow.core.numbers import format_number
from gradflow.core.remedies.parts import Part
from gradflow.core.remedies.remedy import Situation, make_general
from gradflow.core.remedies.weights import Settings
from gradflow.core.report import Report
from gradflow.core.text import N_, Text

ADAM_RATE = 0.001
MOST_RATE, LEAST_RATE = 1.0, 1e-12
FAR = 10.0
"""A rate within this factor of the one that suits the gradient stays."""


def _fit_rate(situation: Situation) -> Settings:
    rate = min(max(situation.steady_rate, LEAST_RATE), MOST_RATE)  # NaN stays
    own = situation.experiment.learning_rate
    if math.isnan(rate) or own / FAR <= rate <= own * FAR:
        return {}
    return {"learning_rate": rate}


def _describe_rate(situation: Situation, _after: Report) -> Text:
    return Text(
        "At rate {rate} a step lowers the loss by about a tenth, to first order; yours is {own}.",
        rate=format_number(min(situation.steady_rate, MOST_RATE)),
        own=format_number(situation.experiment.learning_rate),
    )


def _warm_up(situation: Situation) -> Settings:
    rate = situation.steady_rate
    needed = rate < situation.experiment.learning_rate
    if needed or isinstance(situation.experiment.network, Transformer):
        return {"schedule": Schedule.WARMUP}
    return {}


OPTIMIZER_REMEDIES = (
    make_general(
        code="rate",
        part=Part.STEPS,
        label=N_("A learning rate that fits"),
        change=N_("Takes the power of ten next to 0.1·L/‖g‖², of this loss and this gradient."),
        cost=N_("Nothing."),
        limits=N_(
            "One rate serves all layers: where the gradient is far from level, what suits one "
            "layer is too large or too small for another."
        ),
        settings=_fit_rate,
        comment=_describe_rate,
    ),
    make_general(
        code="adam",
        part=Part.STEPS,
        label=N_("Adam"),
        change=N_(
            "Divides each entry of the gradient by its own recent size, so that every layer takes "
            "steps of about the same length."
        ),
        cost=N_("Two more numbers per parameter, and about twice the work of a step."),
        limits=N_(
            "It makes up for the gradient’s size, not for its direction: where the samples have "
            "become alike, or the gradient is exactly 0, it learns nothing either."
        ),
        plan=lambda s: {"optimizer": Optimizer.ADAM, "learning_rate": ADAM_RATE},
    ),
    make_general(
        code="warm_up",
        part=Part.STEPS,
        label=N_("Warm-up of the rate"),
        change=N_(
            "Raises the rate in a straight line over the first steps, which are the most "
            "dangerous ones."
        ),
        cost=N_("The first steps are short."),
        limits=N_("A rate that is too large later on stays too large."),
        plan=_warm_up,
    ),
)
