"""One batch after a normalization: histograms, statistics, and the four steps in numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from gradflow.charts.normalization.batch import DRAWN_SAMPLES, batch_figure
from gradflow.charts.theme import count, number
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization.batch import (
    BATCHES,
    CHANNELS,
    Followed,
    Pushed,
    PushedBatch,
)
from gradflow.core.teaching.normalization.sharing import NORMS, Norm, divisors
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import factor, lines, tex
from gradflow.ui.normalization import compute, controls, state
from gradflow.ui.normalization.state import View
from gradflow.ui.normalization.words import tidy

EPSILONS = (1e-10, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0)


def show() -> Spec:
    """A batch, pushed through."""
    _controls()
    spec = state.spec(View.BATCH)
    assert isinstance(spec, PushedBatch)
    pushed = compute.push(spec)
    st.caption(_(spec.row.help))
    blocks.show_figure(
        batch_figure(pushed, mode=blocks.mode()),
        "normalization_batch",
        _("Histograms, channels and samples before and after the normalization"),
    )
    if spec.samples > DRAWN_SAMPLES:
        st.caption(_("Of the {n} samples the first 32 are drawn.").format(n=spec.samples))
    st.markdown(sentence(spec, pushed))
    box = st.expander(
        _("Mean and variance of every channel"),
        icon=":material/table:", key="normalization_channels", on_change="rerun",
    )  # fmt: skip
    if box.open:
        with box:
            blocks.show_table(channel_table(pushed), key="normalization_channel_table")
    st.subheader(_("The four steps, in numbers"))
    st.markdown(_follow(spec, pushed))
    st.latex(steps(spec, pushed.followed))
    blocks.explain("normalization_batch")
    return spec


def _controls() -> None:
    view = View.BATCH
    left, right = st.columns([11, 10])
    with left:
        controls.choice(view, "source", {code: row.label for code, row in BATCHES.items()})
    with right:
        controls.choice(view, "norm", {code: row.short for code, row in NORMS.items()})
    columns = st.columns(4)
    with columns[0]:
        controls.slider(view, "gamma", 0.1)
        controls.slider(view, "samples")
    with columns[1]:
        controls.slider(view, "beta", 0.1)
        controls.up_to(view, "sample", state.values(view)["samples"])
    with columns[2]:
        controls.marks(view, "eps", EPSILONS)
        controls.slider(view, "channel")
    with columns[3]:
        controls.slider(view, "seed")
        controls.only(view, "groups", divisors(CHANNELS))


def channel_table(pushed: Pushed) -> pd.DataFrame:
    """Mean and variance of every channel over samples and pixels, before and after."""
    table: dict[str, Any] = {_("Channel"): range(1, pushed.before.shape[1] + 1)}
    for x, mean, variance in (
        (pushed.before, _("mean before"), _("variance before")),
        (pushed.after, _("mean after"), _("variance after")),
    ):
        table[mean] = [tidy(value) for value in x.mean((0, 2, 3)).tolist()]
        table[variance] = x.var((0, 2, 3))
    return pd.DataFrame(table)


def sentence(spec: PushedBatch, pushed: Pushed) -> str:
    """What the normalization did to channels and to samples."""
    after = pushed.after
    channels, samples = after.mean((2, 3)).mean(0), after.mean((1, 2, 3))
    text = {
        Norm.BATCH: _(
            "Every **channel** now has mean β and standard deviation |γ|; the samples keep their "
            "differences, with means from {low} to {high}."
        ),
        Norm.LAYER: _(
            "Every **sample** now has mean β and standard deviation |γ|; the channels keep their "
            "differences, with means from {low} to {high}."
        ),
        Norm.INSTANCE: _(
            "Every **channel of every sample** now has mean β and standard deviation |γ|: both "
            "the differences between samples and those between channels are gone."
        ),
        Norm.GROUP: _(
            "Every **group of channels of every sample** now has mean β and standard deviation "
            "|γ|; the channels of a group keep their differences."
        ),
        Norm.RMS: _(
            "Every **sample** now has the root mean square |γ| around β, but its mean is not "
            "moved to β: the samples have means from {low} to {high}."
        ),
    }[spec.norm]
    means = channels if spec.norm is Norm.LAYER else samples
    text = text.format(low=number(float(means.min())), high=number(float(means.max())))
    if pushed.followed.entries == 1:
        text = _(
            "**Every entry is alone in its set:** it is its own mean, and nothing but β is left. "
            "This normalization needs more than one pixel."
        )
    elif float(pushed.statistics.variance.min()) < 10 * spec.eps:
        text += " " + _(
            "But ε = {eps} is no longer small beside the smallest variance, {variance}: there "
            "the standard deviation stays below |γ|."
        ).format(eps=number(spec.eps), variance=number(float(pushed.statistics.variance.min())))
    return text


def _follow(spec: PushedBatch, pushed: Pushed) -> str:
    n, c, h, w = pushed.before.shape
    channel = min(spec.channel, c)
    row = NORMS[spec.norm]
    return _(
        "Followed is the middle pixel of sample {sample}, channel {channel}, in a tensor [N, C, "
        "H, W] = [{n}, {c}, {h}, {w}]. {label} averages {axes}; this one is made of m = {m} "
        "entries."
    ).format(
        sample=spec.sample, channel=channel, n=n, c=c, h=h, w=w,
        label=_(row.label), axes=_(row.axes), m=count(pushed.followed.entries),
    )  # fmt: skip


def steps(spec: PushedBatch, found: Followed) -> str:
    """Mean, variance, normalize, scale and shift; RMS norm has the mean square for the first two.

    The sums run over the m entries that share statistics.
    """
    m = rf"\tfrac{{1}}{{{found.entries}}}"
    root = rf"\sqrt{{{tex(found.variance)} + {tex(spec.eps)}}}"
    shift = (
        rf"{factor(spec.gamma)}\cdot {factor(found.normalized)} + {factor(spec.beta)}",
        tex(found.output),
    )
    shifted = (r"\textbf{4}\quad y", r"\gamma\,\hat x + \beta", *shift)
    if spec.norm is Norm.RMS:
        return lines(
            (r"\textbf{1, 2}\quad \mathrm{ms}", r"\tfrac1m\textstyle\sum_i x_i^2",
             rf"{m}\cdot {factor(found.total)}", tex(found.variance)),
            (r"\textbf{3}\quad \hat x", r"\frac{x}{\sqrt{\mathrm{ms} + \varepsilon}}",
             rf"\frac{{{tex(found.x)}}}{{{root}}}", tex(found.normalized)),
            shifted,
        )  # fmt: skip
    squares = found.variance * found.entries
    return lines(
        (r"\textbf{1}\quad \mu", r"\tfrac1m\textstyle\sum_i x_i",
         rf"{m}\cdot {factor(found.total)}", tex(found.mean)),
        (r"\textbf{2}\quad \sigma^2", r"\tfrac1m\textstyle\sum_i (x_i - \mu)^2",
         rf"{m}\cdot {factor(squares)}", tex(found.variance)),
        (r"\textbf{3}\quad \hat x", r"\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}",
         rf"\frac{{{tex(found.x)} - {factor(found.mean)}}}{{{root}}}", tex(found.normalized)),
        shifted,
    )  # fmt: skip
