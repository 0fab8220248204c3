"""Small batches: how much their statistics scatter, beside group norm."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.normalization.small_batches import spreads_figure
from gradflow.charts.theme import format_share
from gradflow.core.spec import Spec
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
from gradflow.ui.latex import lines, tex
from gradflow.ui.normalization import compute, controls, state
from gradflow.ui.normalization.state import View


def show() -> Spec:
    """The spread against the batch size."""
    view = View.SMALL
    left, right = st.columns([2, 1])
    with left:
        controls.choice(view, "law", {code: row.label for code, row in LAWS.items()})
    with right:
        controls.slider(view, "seed")
    columns = st.columns(3)
    with columns[0]:
        controls.only(view, "batch_size", SIZES)
    with columns[1]:
        controls.marks(view, "group_channels", GROUP_CHANNELS)
    with columns[2]:
        controls.marks(view, "positions", POSITIONS)
    spec = state.spec(view)
    assert isinstance(spec, SmallBatches)
    found = compute.spreads(spec.law, spec.positions, spec.group_channels, spec.seed)
    blocks.show_figure(
        spreads_figure(SIZES, found, spec.batch_size, mode=blocks.mode()),
        "normalization_small",
        _("Spread of batch statistics and error of the output against the batch size"),
    )
    st.latex(formulas(spec, found))
    st.markdown(sentence(spec, found))
    blocks.explain("normalization_small")
    return spec


def formulas(spec: SmallBatches, found: Spreads) -> str:
    """Theory at the chosen batch size beside what was drawn."""
    place = SIZES.index(spec.batch_size)
    m = spec.batch_size * spec.positions
    kurtosis = LAWS[spec.law].kurtosis
    k = tex(kurtosis)
    theory, drawn = found.batch_theory, found.batch
    variance = (
        rf"\left(1-\tfrac{{1}}{{{m}}}\right)\sqrt{{\tfrac{{{k}}}{{{m}}}"
        rf" - \tfrac{{{m - 3}}}{{{m}\cdot {m - 1}}}}}"
    )
    if spec.law is Law.GAUSSIAN:
        error: tuple[str, ...] = (r"\sqrt{2-2\,\mathrm{E}\,s/\sigma}",)
    else:
        roughly = r"\sqrt{2-2\,\mathrm{E}\,s/\sigma} \approx \sqrt{\tfrac{\kappa+3}{4m}}"
        error = (roughly, rf"\sqrt{{\tfrac{{{k}+3}}{{4\cdot {m}}}}}")
    rows = (
        (r"\mathrm{std}\,\bar x", (r"\frac{\sigma}{\sqrt m}", rf"\frac{{1}}{{\sqrt{{{m}}}}}"),
         theory.mean, drawn.mean),
        (r"\mathrm{std}\,s^2",
         (r"\sigma^2\left(1-\tfrac1m\right)\sqrt{\tfrac{\kappa}{m} - \tfrac{m-3}{m(m-1)}}",
          variance), theory.variance, drawn.variance),
        (r"\mathrm{rms}\,(\hat x - x)", error, theory.error, drawn.error),
    )  # fmt: skip
    measured = _("drawn")
    return lines(
        *(
            (name, *formula, rf"{tex(own[place])}\qquad\text{{{measured}: }}{tex(made[place])}")
            for name, formula, own, made in rows
        )
    )


def sentence(spec: SmallBatches, found: Spreads) -> str:
    """What that means at the chosen batch size, and where group norm stands."""
    place = SIZES.index(spec.batch_size)
    text = _(
        "With **N = {n}** batch norm's mean and variance come from m = N·H·W = {m} entries, and "
        "its output is off by **{batch}** of a standard deviation: noise that depends on who else "
        "is in the batch. Group norm averages over C/G·H·W = {own} entries of each sample alone: "
        "**{group}**, whatever the batch size. "
    ).format(
        n=spec.batch_size,
        m=spec.batch_size * spec.positions,
        batch=format_share(float(found.batch.error[place])),
        own=spec.group_channels * spec.positions,
        group=format_share(float(found.group.error[place])),
    )
    if spec.batch_size < spec.group_channels:
        return text + _("Batch norm catches up at N = C/G = {n}.").format(n=spec.group_channels)
    if spec.batch_size == spec.group_channels:
        return text + _("At N = C/G both average over equally many entries.")
    return text + _("Above N = C/G = {n} batch norm has the better statistics.").format(
        n=spec.group_channels
    )
