"""One batch after a normalization: histograms, statistics, and the four steps in numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from gradflow.charts.normalization.batch import DRAWN_SAMPLES, batch_figure
from gradflow.core.numbers import format_count, format_number
from gradflow.core.teaching.normalization.batch import (
    BATCHES,
    CHANNELS,
    FollowedEntry,
    PushedBatch,
    PushResult,
)
from gradflow.core.teaching.normalization.sharing import NORMS, Norm, list_divisors
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import write_equations, write_factor, write_number
from gradflow.ui.normalization import compute
from gradflow.ui.normalization.state import BATCH
from gradflow.ui.rounding import drop_rounding_error
from gradflow.ui.settings.fields import draw_allowed, draw_choice, draw_marks, draw_slider
from gradflow.ui.stage import Stage

EPSILONS = (1e-10, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0)


def show(stage: Stage) -> None:
    """Show a batch before and after a normalization."""
    spec = BATCH.read()
    pushed = compute.push(spec)
    st.markdown(describe_pushed_batch(spec, pushed))
    blocks.show_figure(
        batch_figure(pushed, mode=blocks.read_mode()),
        "normalization_batch",
        _("Histograms, channels and samples before and after the normalization"),
    )
    with stage.details:
        st.caption(_(spec.row.help))
        if spec.samples > DRAWN_SAMPLES:
            st.caption(
                _("The figure shows the first 32 of the {n} samples.").format(n=spec.samples)
            )
        st.subheader(_("The four steps, in numbers"))
        st.markdown(_introduce_entry(spec, pushed))
        st.latex(write_steps(spec, pushed.followed))
        _show_channels(pushed)
        blocks.explain("normalization_batch")


def _show_channels(pushed: PushResult) -> None:
    box = st.expander(
        _("Mean and variance of every channel"),
        icon=":material/table:",
        key="normalization_channels",
        on_change="rerun",
    )
    if box.open:
        with box:
            blocks.show_table(tabulate_channels(pushed), key="normalization_channel_table")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_choice(BATCH, "source", {code: row.label for code, row in BATCHES.items()})
    draw_choice(BATCH, "norm", {code: row.label for code, row in NORMS.items()})
    draw_allowed(BATCH, "groups", list_divisors(CHANNELS))
    draw_slider(BATCH, "gamma", step=0.1)
    draw_slider(BATCH, "beta", step=0.1)
    draw_marks(BATCH, "eps", EPSILONS)
    draw_slider(BATCH, "samples")
    draw_slider(BATCH, "sample", high=BATCH.read_value("samples"))
    draw_slider(BATCH, "channel")
    draw_slider(BATCH, "seed")


def tabulate_channels(pushed: PushResult) -> pd.DataFrame:
    """Make a table of mean and variance of every channel over samples and pixels."""
    table: dict[str, Any] = {_("Channel"): range(1, pushed.before.shape[1] + 1)}
    for x, mean, variance in (
        (pushed.before, _("mean before"), _("variance before")),
        (pushed.after, _("mean after"), _("variance after")),
    ):
        table[mean] = [drop_rounding_error(value) for value in x.mean((0, 2, 3)).tolist()]
        table[variance] = x.var((0, 2, 3))
    return pd.DataFrame(table)


def describe_pushed_batch(spec: PushedBatch, pushed: PushResult) -> str:
    """Say what the normalization did to channels and to samples."""
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
    text = text.format(
        low=format_number(float(means.min())), high=format_number(float(means.max()))
    )
    if pushed.followed.entries == 1:
        text = _(
            "**Every entry is alone in its set:** it is its own mean, and nothing but β is left. "
            "This normalization needs more than one pixel."
        )
    elif float(pushed.statistics.variance.min()) < 10 * spec.eps:
        text += " " + _(
            "But ε = {eps} is no longer small beside the smallest variance, {variance}: there "
            "the standard deviation stays below |γ|."
        ).format(
            eps=format_number(spec.eps),
            variance=format_number(float(pushed.statistics.variance.min())),
        )
    return text


def _introduce_entry(spec: PushedBatch, pushed: PushResult) -> str:
    """Say which entry is followed, and how many share its mean."""
    n, c, h, w = pushed.before.shape
    channel = min(spec.channel, c)
    row = NORMS[spec.norm]
    return _(
        "The followed entry is the middle pixel of sample {sample}, channel {channel}, in a "
        "tensor [N, C, H, W] = [{n}, {c}, {h}, {w}]. {label} averages {axes}; its set has "
        "m = {m} entries."
    ).format(
        sample=spec.sample,
        channel=channel,
        n=n,
        c=c,
        h=h,
        w=w,
        label=_(row.label),
        axes=_(row.axes),
        m=format_count(pushed.followed.entries),
    )


def write_steps(spec: PushedBatch, entry: FollowedEntry) -> str:
    """Write the four steps from x to y with their numbers.

    The steps are mean, variance, normalize, and scale and shift; RMS norm has the mean square
    for the first two. The sums run over the m entries that share statistics.
    """
    mean_over = rf"\tfrac{{1}}{{{entry.entries}}}\cdot "
    root = rf"\sqrt{{{write_number(entry.variance)} + {write_number(spec.eps)}}}"
    scaled = rf"{write_factor(spec.gamma)}\cdot {write_factor(entry.normalized)}"
    shift = (
        r"\textbf{4}\quad y",
        r"\gamma\,\hat x + \beta",
        rf"{scaled} + {write_factor(spec.beta)}",
        write_number(entry.output),
    )
    if spec.norm is Norm.RMS:
        mean_square = (
            r"\textbf{1, 2}\quad \mathrm{ms}",
            r"\tfrac1m\textstyle\sum_i x_i^2",
            mean_over + write_factor(entry.total),
            write_number(entry.variance),
        )
        normalize = (
            r"\textbf{3}\quad \hat x",
            r"\frac{x}{\sqrt{\mathrm{ms} + \varepsilon}}",
            rf"\frac{{{write_number(entry.x)}}}{{{root}}}",
            write_number(entry.normalized),
        )
        return write_equations(mean_square, normalize, shift)
    mean = (
        r"\textbf{1}\quad \mu",
        r"\tfrac1m\textstyle\sum_i x_i",
        mean_over + write_factor(entry.total),
        write_number(entry.mean),
    )
    variance = (
        r"\textbf{2}\quad \sigma^2",
        r"\tfrac1m\textstyle\sum_i (x_i - \mu)^2",
        mean_over + write_factor(entry.variance * entry.entries),
        write_number(entry.variance),
    )
    normalize = (
        r"\textbf{3}\quad \hat x",
        r"\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}",
        rf"\frac{{{write_number(entry.x)} - {write_factor(entry.mean)}}}{{{root}}}",
        write_number(entry.normalized),
    )
    return write_equations(mean, variance, normalize, shift)
