"""The largest learning rate that still trains."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from gradflow.charts.normalization_effects.rates import learning_rates_figure
from gradflow.core.catalog import NORMALIZATIONS, Normalization
from gradflow.core.numbers import format_number
from gradflow.core.teaching.normalization_effects.flow import COMPARED
from gradflow.core.teaching.normalization_effects.rates import (
    SEEDS,
    LearningRates,
    RateSweep,
    join_seeds,
    list_learning_rates,
)
from gradflow.core.text import _
from gradflow.core.theory.moments import FloatArray
from gradflow.ui import blocks
from gradflow.ui.growing import draw_parts
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.state import LEARNING_RATES
from gradflow.ui.settings.fields import draw_choice, draw_marks, draw_slider
from gradflow.ui.stage import Stage

WIDTHS = (16, 24, 32, 48)
Part = tuple[tuple[LearningRates, ...], Normalization]
"""Seeds that are trained with one normalization before the figure is drawn anew."""
SCALES = (0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


def show(stage: Stage) -> None:
    """Show the loss after a few steps against the learning rate, for every normalization."""
    spec = LEARNING_RATES.read()
    # The lines come with one seed, and settle with two more each time: of an odd number one is the
    # middle.
    first, *others = spec.list_seeds()
    rounds = ((first,), *zip(others[::2], others[1::2], strict=True))
    parts = [(seeds, code) for seeds in rounds for code in COMPARED]
    trained = join_parts(draw_parts(parts, _train, _draw))
    with stage.details:
        for sentence in explain_failures(spec, trained):
            st.info(sentence, icon=":material/info:")
        blocks.show_table(tabulate_rates(trained), key="normalization_rates_table")
        blocks.explain("normalization_effects_rates")


def _train(part: Part) -> RateSweep:
    seeds, code = part
    return join_seeds(compute.train(one, code) for one in seeds)


def join_parts(known: Mapping[Part, RateSweep]) -> dict[Normalization, RateSweep]:
    """Join the seeds of each normalization, as far as they are known."""
    return {
        code: join_seeds(sweep for (_seeds, own), sweep in known.items() if own is code)
        for _seeds, code in known
    }


def _draw(known: Mapping[Part, RateSweep], progress: str) -> None:
    trained = join_parts(known)
    named = [(_(NORMALIZATIONS[code].label), result) for code, result in trained.items()]
    st.markdown(" ".join(filter(None, (describe_gains(trained), progress))))
    blocks.show_figure(
        learning_rates_figure(list_learning_rates(), named, mode=blocks.read_mode()),
        "normalization_rates",
        _("Loss after the steps against the learning rate, with each normalization"),
    )


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_choice(LEARNING_RATES, "activation")
    draw_slider(LEARNING_RATES, "depth")
    draw_marks(LEARNING_RATES, "width", WIDTHS)
    draw_marks(LEARNING_RATES, "weight_scale", SCALES)
    draw_slider(LEARNING_RATES, "steps")
    draw_slider(LEARNING_RATES, "seed")


def describe_gains(trained: dict[Normalization, RateSweep]) -> str:
    """Say how much larger the largest rate that trains is with each normalization that is known."""
    without_norm = trained[Normalization.NONE].largest
    if not np.median(without_norm):
        return _("**Without a normalization no learning rate trains here,** with most seeds.")
    text = _("**{name} {gain}**")
    gains = [
        text.format(name=_(NORMALIZATIONS[code].label), gain=_write_spread(result, without_norm))
        for code, result in trained.items()
        if code is not Normalization.NONE
    ]
    if not gains:
        return ""
    sentence = (
        _(
            "The largest learning rate that trains, as a multiple of that without a normalization "
            "(median, and range over {n} seeds): {gains}."
        )
        if len(without_norm) > 1
        else _(
            "The largest learning rate that trains, as a multiple of that without a normalization "
            "(with one seed): {gains}."
        )
    )
    return sentence.format(n=len(without_norm), gains=", ".join(gains))


def explain_failures(spec: LearningRates, trained: dict[Normalization, RateSweep]) -> list[str]:
    """Say why some networks train at no rate, and what to change; empty if all of them train."""
    failed = {code: result for code, result in trained.items() if not result.largest.any()}
    broken = [code for code, result in failed.items() if not np.isfinite(result.losses).any()]
    stuck = [code for code in failed if code not in broken]
    sentences = []
    if broken:
        sentences.append(
            _(
                "**{names}**: at every learning rate the loss ends infinite or NaN, hence the row "
                "of crosses. Before the first step it is already {initial}, so every step "
                "overshoots. Lower “Weight scale k” (now {scale}) or “Depth” (now {depth})."
            ).format(
                names=_list_names(broken),
                scale=format_number(spec.weight_scale),
                depth=spec.depth,
                initial=_(" and ").join(
                    format_number(float(np.median(failed[code].initial))) for code in broken
                ),
            )
        )
    if stuck:
        advice = [_("Choose more “Steps”"), _("fewer layers (“Depth”)"), _("another activation")]
        if spec.weight_scale != 1:
            advice.append(_("a “Weight scale k” nearer to 1"))
        sentences.append(
            _(
                "**{names}**: no learning rate brings the loss below the dotted line within "
                "{steps} steps. {advice}."
            ).format(names=_list_names(stuck), steps=spec.steps, advice=_(" or ").join(advice))
        )
    return sentences


def _list_names(codes: list[Normalization]) -> str:
    return ", ".join(_(NORMALIZATIONS[code].label) for code in codes)


def tabulate_rates(trained: dict[Normalization, RateSweep]) -> pd.DataFrame:
    """Make a table of the largest learning rate that trains, and of the best one."""
    without_norm = trained[Normalization.NONE].largest
    rows = []
    for code, result in trained.items():
        best = int(np.argmin(result.median))
        lowest = float(result.median[best])
        has_lowest = math.isfinite(lowest)
        rows.append(
            {
                _("Normalization"): _(NORMALIZATIONS[code].label),
                _("loss before"): format_number(float(np.median(result.initial))),
                _("largest η that trains"): _write_spread(result, np.ones(SEEDS)),
                _("over that without a norm"): _write_spread(result, without_norm),
                _("lowest loss"): format_number(lowest) if has_lowest else "–",
                _("at η"): format_number(float(list_learning_rates()[best])) if has_lowest else "–",
            }
        )
    return pd.DataFrame(rows)


def _write_spread(result: RateSweep, unit: FloatArray) -> str:
    """Write the largest rate in this unit, per seed: the median and, in brackets, the range.

    Seeds without a unit, because the bare network trains at no rate, are left out.
    """
    if not np.median(result.largest):
        return _("none")
    if not np.median(unit):
        return "–"
    unit = unit[: len(result.largest)]
    values = result.largest[unit > 0] / unit[unit > 0]
    if not len(values):
        return "–"
    low, median, high = (_write_rate(float(f(values))) for f in (np.min, np.median, np.max))
    return (
        median
        if low == high
        else _("{median} ({low} to {high})").format(median=median, low=low, high=high)
    )


def _write_rate(value: float) -> str:
    return format_number(value, 2) if value else _("none")
