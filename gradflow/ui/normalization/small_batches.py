"""Small batches: how much their statistics scatter, compared with group norm's."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.normalization.small_batches import spreads_figure
from gradflow.core.histogram import FloatArray
from gradflow.core.numbers import format_share
from gradflow.core.teaching.normalization.small_batches import (
    GROUP_CHANNELS,
    LAWS,
    POSITIONS,
    SIZES,
    Law,
    SmallBatches,
    Spreads,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import write_equations, write_number
from gradflow.ui.normalization import compute
from gradflow.ui.normalization.state import SMALL_BATCHES
from gradflow.ui.settings.fields import draw_allowed, draw_choice, draw_marks, draw_slider
from gradflow.ui.stage import Stage


def show(stage: Stage) -> None:
    """Show the spread of the statistics against the batch size."""
    spec = SMALL_BATCHES.read()
    spreads = compute.compute_spreads(spec.law, spec.positions, spec.group_channels, spec.seed)
    st.markdown(describe_spreads(spec, spreads))
    blocks.show_figure(
        spreads_figure(SIZES, spreads, spec.batch_size, mode=blocks.read_mode()),
        "normalization_small",
        _("Spread of batch statistics and error of the output against the batch size"),
    )
    with stage.details:
        st.latex(write_formulas(spec, spreads))
        blocks.explain("normalization_small")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_choice(SMALL_BATCHES, "law", {code: row.label for code, row in LAWS.items()})
    draw_allowed(SMALL_BATCHES, "batch_size", SIZES)
    draw_marks(SMALL_BATCHES, "group_channels", GROUP_CHANNELS)
    draw_marks(SMALL_BATCHES, "positions", POSITIONS)
    draw_slider(SMALL_BATCHES, "seed")


def write_formulas(spec: SmallBatches, spreads: Spreads) -> str:
    """Write the spreads at the chosen batch size, by theory and from the samples."""
    size = SIZES.index(spec.batch_size)
    m = spec.batch_size * spec.positions
    kurtosis = write_number(LAWS[spec.law].kurtosis)
    theory, drawn = spreads.batch_theory, spreads.batch
    mean = (r"\frac{\sigma}{\sqrt m}", rf"\frac{{1}}{{\sqrt{{{m}}}}}")
    variance = (
        r"\sigma^2\left(1-\tfrac1m\right)\sqrt{\tfrac{\kappa}{m} - \tfrac{m-3}{m(m-1)}}",
        (
            rf"\left(1-\tfrac{{1}}{{{m}}}\right)\sqrt{{\tfrac{{{kurtosis}}}{{{m}}}"
            rf" - \tfrac{{{m - 3}}}{{{m}\cdot {m - 1}}}}}"
        ),
    )
    if spec.law is Law.GAUSSIAN:
        error: tuple[str, ...] = (r"\sqrt{2-2\,\mathrm{E}\,s/\sigma}",)
    else:
        error = (
            r"\sqrt{2-2\,\mathrm{E}\,s/\sigma} \approx \sqrt{\tfrac{\kappa+3}{4m}}",
            rf"\sqrt{{\tfrac{{{kurtosis}+3}}{{4\cdot {m}}}}}",
        )

    def write_both(expected: FloatArray, measured: FloatArray) -> str:
        label = _("drawn")
        return (
            rf"{write_number(expected[size])}\qquad\text{{{label}: }}{write_number(measured[size])}"
        )

    return write_equations(
        (r"\mathrm{std}\,\bar x", *mean, write_both(theory.mean, drawn.mean)),
        (r"\mathrm{std}\,s^2", *variance, write_both(theory.variance, drawn.variance)),
        (r"\mathrm{rms}\,(\hat x - x)", *error, write_both(theory.error, drawn.error)),
    )


def describe_spreads(spec: SmallBatches, spreads: Spreads) -> str:
    """Say what the spreads mean at the chosen batch size, and what group norm does."""
    size = SIZES.index(spec.batch_size)
    text = _(
        "With **N = {n}** batch norm's mean and variance come from m = N·H·W = {m} entries, and "
        "its output is off by **{batch}** of a standard deviation: noise that depends on who else "
        "is in the batch. Group norm averages over C/G·H·W = {own} entries of each sample alone: "
        "**{group}**, whatever the batch size. "
    ).format(
        n=spec.batch_size,
        m=spec.batch_size * spec.positions,
        batch=format_share(float(spreads.batch.error[size])),
        own=spec.group_channels * spec.positions,
        group=format_share(float(spreads.group.error[size])),
    )
    if spec.batch_size < spec.group_channels:
        return text + _("Batch norm catches up at N = C/G = {n}.").format(n=spec.group_channels)
    if spec.batch_size == spec.group_channels:
        return text + _("At N = C/G both average over equally many entries.")
    return text + _("Above N = C/G = {n} batch norm has the better statistics.").format(
        n=spec.group_channels
    )
