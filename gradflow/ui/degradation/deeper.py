"""Deeper is worse: networks in training, the question why, and what their gradients say."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.degradation.training import TrainedCurve, deeper_figure
from gradflow.core.catalog import NORMALIZATIONS, Connection, Normalization
from gradflow.core.numbers import format_number
from gradflow.core.teaching.degradation.depth import NORMS
from gradflow.core.teaching.degradation.training import (
    NETWORKS,
    STEPS,
    DeeperNetworks,
    DeeperTraining,
    Name,
)
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute
from gradflow.ui.degradation.state import DEEPER
from gradflow.ui.growing import GrowingPlace
from gradflow.ui.settings.fields import draw_buttons, draw_choice, draw_marks, draw_slider
from gradflow.ui.stage import Stage

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
GUESSES = {
    "open": N_("?"),
    "vanishing": N_("vanishing"),
    "exploding": N_("exploding"),
    "neither": N_("neither"),
}
_DEEP: Name = (Connection.PLAIN, 56)
_LEVEL = 30.0
"""A gradient that changes by less over 56 layers counts as level."""
_FAMILIES = {
    Connection.PLAIN: N_("plain {depth}"),
    Connection.PREACTIVATION: N_("residual {depth}"),
    Connection.DENSE: N_("dense {depth}"),
}


def show(stage: Stage) -> None:
    """Show the networks in training; once somebody has guessed, the gradients they began with."""
    spec = DEEPER.read()
    above, place = st.container(), GrowingPlace()

    def draw(known: DeeperTraining) -> None:
        with place.draw():
            _draw(spec, known)

    def draw_if_due(known: DeeperTraining) -> None:
        if place.is_due:
            draw(known)

    with above:  # for the progress bar
        training = compute.train_deeper(spec.trained, draw_if_due)
    draw(training)
    with stage.details:
        blocks.explain("degradation_training", "degradation_claim")


def _draw(spec: DeeperNetworks, known: DeeperTraining) -> None:
    """Draw what is known: all of it, or that of a training that goes on."""
    is_answered = spec.guess != "open"
    words = (
        write_answer(spec, known)
        if is_answered and _DEEP in known.norms
        else _(
            "**56 plain layers learn worse than 20, on the very images they are trained on.** With "
            "shortcuts they learn as well. So what does the gradient of the 56 do on its way back?"
        )
    )
    st.markdown(f"{words}  \n{write_ends(known)}")
    blocks.show_figure(
        deeper_figure(list_curves(known), STEPS, with_norms=is_answered, mode=blocks.read_mode()),
        "degradation_deeper",
        _("Training loss of plain and residual networks of 20 and 56 layers"),
    )


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_buttons(DEEPER, "guess", GUESSES)
    draw_choice(DEEPER, "normalization", {code: NORMALIZATIONS[code].label for code in NORMS})
    draw_marks(DEEPER, "learning_rate", RATES)
    draw_slider(DEEPER, "seed")


def name_network(name: Name) -> str:
    """Name a network: its connections and its depth."""
    connection, depth = name
    return _(_FAMILIES[connection]).format(depth=depth)


def list_curves(training: DeeperTraining) -> list[TrainedCurve]:
    """List the networks as the chart takes them."""
    deepest = max(depth for _connection, depth in NETWORKS)
    return [
        TrainedCurve(
            name_network(name),
            list(_FAMILIES).index(name[0]),
            name[1] == deepest,
            training.losses[name],
            training.norms[name],
        )
        for name in training.losses
    ]


def write_answer(spec: DeeperNetworks, training: DeeperTraining) -> str:
    """Say what the gradient of the deep plain network does, and what follows for the guess."""
    ratio = float(training.norms[_DEEP][0])
    factor = ratio ** (1 / (_DEEP[1] - 1))
    measured = _(
        "layer 1 gets {ratio} times what the readout gets, × {factor} in each layer"
    ).format(ratio=format_number(ratio), factor=format_number(factor))
    if ratio > _LEVEL:
        right = spec.guess == "exploding"
        verdict = _("**Before the first step it explodes**: {measured}.")
        reason = _(
            " Batch norm does that to plain ReLU networks. It is not what makes them worse: with "
            "layer norm, or none, the gradient is level, and 56 layers learn no better."
            if spec.normalization is Normalization.BATCH
            else " Yet a level gradient does not mend it either: compare the other normalizations."
        )
    elif ratio < 1 / _LEVEL:
        right = spec.guess == "vanishing"
        verdict = _("**It vanishes here**: {measured}.")
        reason = ""
    else:
        right = spec.guess == "neither"
        verdict = _("**Neither**: {measured}.")
        reason = _(
            " The gradient is level, and 56 layers still learn worse than 20. Its size is not what "
            "is wrong; see what is in **Shattered gradients** and **Near the identity**."
        )
    opening = _("Right. ") if right else _("Not quite. ")
    return opening + verdict.format(measured=measured) + reason


def write_ends(training: DeeperTraining) -> str:
    """Write the training loss at the end of every network that has been trained."""
    ends = [
        _("{name}: **{loss}**").format(
            name=name_network(name), loss=format_number(float(training.losses[name][-1]))
        )
        for name in NETWORKS
        if name in training.losses and len(training.losses[name]) == STEPS
    ]
    return _("Training loss at the end: ") + (" · ".join(ends) or "…")
