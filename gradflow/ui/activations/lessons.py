"""Dying ReLU, a Gaussian through φ, and sinh beside sin: three views of the activations page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from gradflow.charts.activations.dying import dying_figure
from gradflow.charts.activations.dying_units import units_figure
from gradflow.charts.activations.gaussian import gaussian_figure
from gradflow.charts.activations.hyperbolic import sectors_figure, series_figure
from gradflow.charts.theme import number, share
from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.spec import Spec
from gradflow.core.teaching.dying import UNITS, BiasedLayer, Training
from gradflow.core.teaching.gaussian import Distribution, GaussianInput, Passage, passage
from gradflow.core.teaching.hyperbolic import PAIRS, Pair, Side, sectors, sides
from gradflow.core.text import _
from gradflow.ui import blocks, compute
from gradflow.ui.activations import controls
from gradflow.ui.activations import state as activations_state
from gradflow.ui.activations.state import View
from gradflow.ui.latex import tex

LEARNING_RATES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
WIDTHS = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0,
    1e3, 1e6, 1e12, 1e20, 1e30, 1e37, 1e38, 1e39, 1e40,
)  # fmt: skip


def dying() -> Spec:
    """A biased layer under steps of SGD with five activation functions."""
    columns = st.columns(3)
    with columns[0]:
        controls.slider(View.DYING, "bias", 0.5)
        controls.slider(View.DYING, "negative_slope", 0.01)
    with columns[1]:
        controls.decades(View.DYING, "learning_rate", LEARNING_RATES)
        controls.slider(View.DYING, "elu_alpha", 0.1)
    with columns[2]:
        controls.slider(View.DYING, "steps")
        controls.slider(View.DYING, "seed")
    spec = activations_state.spec(View.DYING)
    assert isinstance(spec, BiasedLayer)
    trainings = compute.train_dying(spec)
    named = [(_(ACTIVATIONS[one.activation].label), one) for one in trainings]
    st.markdown(_fate(trainings, spec))
    blocks.show_figure(
        units_figure(named, mode=blocks.mode()),
        "dying_units",
        _("Range of the pre-activation of every unit, step by step"),
    )
    blocks.show_figure(
        dying_figure(named, mode=blocks.mode()), "dying", _("Dead units and loss over the steps")
    )
    blocks.show_table(dying_table(trainings), key="dying_table")
    for one in trainings:
        if one.overflowed >= 0:
            st.warning(_overflow(one, spec), icon=":material/warning:")
    blocks.explain("activations_dying")
    return spec


def _fate(trainings: Sequence[Training], spec: BiasedLayer) -> str:
    relu = trainings[0]
    before, after = int(relu.dead[0].sum()), int(relu.dead[-1].sum())
    if not after:
        return _(
            "**No ReLU unit dies here.** Lower the bias below −3, or raise the learning rate to 3."
        )
    if after > before:
        text = _(
            "**{after} of {units} ReLU units are dead after {steps} steps, {before} were at the "
            "start.** Steps this large throw a unit so far below 0 that no sample reaches it; its "
            "slope is then 0 for all of them, and it gets no gradient ever again."
        )
    else:
        text = _(
            "**{after} of {units} ReLU units are dead from the start and stay so for all {steps} "
            "steps.** The bias keeps z below 0 for every sample, there the slope is 0, so their "
            "weights get no gradient. Below 0 the others have a slope, and come back."
        )
    return text.format(after=after, before=before, units=UNITS, steps=spec.steps)


def _overflow(one: Training, spec: BiasedLayer) -> str:
    return _(
        "{name}: the loss exceeds 1.8·10³⁰⁸, the largest number of float64, at step {step}, and "
        "training stops there. With a learning rate of {rate} every step overshoots by more than "
        "it corrects; choose a smaller one."
    ).format(
        name=_(ACTIVATIONS[one.activation].label),
        step=one.overflowed,
        rate=number(spec.learning_rate),
    )


def dying_table(trainings: Sequence[Training]) -> pd.DataFrame:
    """Start and end of every training."""
    rows = []
    for one in trainings:
        end = one.overflowed if one.overflowed >= 0 else len(one.loss) - 1
        rows.append({
            _("Function"): _(ACTIVATIONS[one.activation].label),
            _("dead: φ′ = 0 for every sample"): f"{one.dead[0].sum()} → {one.dead[end].sum()}",
            _("off: z ≤ 0 for every sample"): f"{one.off[0].sum()} → {one.off[end].sum()}",
            _("Loss"): f"{number(float(one.loss[0]))} → {number(float(one.loss[end]))}",
            _("Learned slopes"): (
                f"{number(min(one.slopes))} … {number(max(one.slopes))}" if one.slopes else "–"
            ),
        })  # fmt: skip
    return pd.DataFrame(rows)


def gaussian() -> Spec:
    """A Gaussian of chosen mean and width before and behind φ and φ'."""
    columns = st.columns([2, 3, 3, 2])
    with columns[0]:
        controls.activation(View.GAUSSIAN)
    with columns[1]:
        controls.slider(View.GAUSSIAN, "mean", 0.1)
    with columns[2]:
        controls.decades(View.GAUSSIAN, "width", WIDTHS)
    with columns[3]:
        controls.slider(View.GAUSSIAN, "seed")
    spec = activations_state.spec(View.GAUSSIAN)
    assert isinstance(spec, GaussianInput)
    found = passage(spec)
    blocks.show_figure(
        gaussian_figure(found, mode=blocks.mode()), "gaussian", _("Histograms of z, φ(z) and φ′(z)")
    )
    blocks.show_table(gaussian_table(found), key="gaussian_table")
    if reason := _not_finite(found):
        st.warning(reason, icon=":material/warning:")
    blocks.explain("activations_gaussian")
    return spec


def gaussian_table(found: Passage) -> pd.DataFrame:
    """Sampled and exact moments."""

    def row(name: str, one: Distribution) -> dict[str, str]:
        return {
            "": name,
            _("mean, sampled"): number(one.mean, 4),
            _("mean, exact"): number(_clean(one.exact_mean, one.exact_std), 4),
            _("std, sampled"): number(one.std, 4),
            _("std, exact"): number(one.exact_std, 4),
            _("piled up exactly at"): ", ".join(
                f"{number(value)}: {share(part)}" for value, part in one.atoms
            )
            or "–",
            _("not finite"): share(one.nonfinite),
        }

    names = ("z", "φ(z)", "φ′(z)")
    panels = (found.before, found.value, found.slope)
    return pd.DataFrame([row(*pair) for pair in zip(names, panels, strict=True)])


def _clean(mean: float, std: float) -> float:
    """The rounding error of a mean that is 0 by symmetry is no number to show."""
    return 0.0 if abs(mean) < 1e-12 * std else mean


def _not_finite(found: Passage) -> str:
    if not found.before.nonfinite and not found.value.nonfinite:
        return ""
    reason = _(
        "{share} of the samples of z are infinite: they are beyond 3.4·10³⁸, the largest number "
        "of float32, in which networks compute. Their mean is ∞ − ∞, which is NaN. The exact "
        "numbers are those of real numbers, which have no such end."
    ).format(share=share(found.before.nonfinite))
    if found.value.nonfinite > found.before.nonfinite:
        reason += " " + _(
            "φ(z) has more of them: inside φ, numbers become larger than z itself, or ∞ meets 0."
        )
    elif not math.isfinite(found.value.mean):
        reason += " " + _("φ passes infinities on; a function with a bounded range does not.")
    return reason


def hyperbolic() -> Spec:
    """A hyperbolic function beside its circular sister."""
    columns = st.columns(3)
    with columns[0]:
        _pair()
    with columns[1]:
        controls.slider(View.HYPERBOLIC, "order")
    with columns[2]:
        controls.slider(View.HYPERBOLIC, "x", 0.1)
    spec = activations_state.spec(View.HYPERBOLIC)
    assert isinstance(spec, Pair)
    both = sides(spec)
    for column, side in zip(st.columns(2), both, strict=True):
        column.latex(_series(side))
        column.latex(_at(side, spec.x))
    figure = series_figure(both, spec.order, spec.x, mode=blocks.mode())
    blocks.show_figure(figure, "series", _("Both functions with their partial sums"))
    if math.isfinite(both[0].radius):
        st.caption(_("Both series converge only in the grey strip, |x| < π/2."))
    st.subheader(_("Why they share a name"))
    left, right = st.columns(2)
    left.latex(r"\sinh x = \tfrac12(e^{x} - e^{-x}),\quad \cosh x = \tfrac12(e^{x} + e^{-x})")
    right.latex(r"\sin(ix) = i\,\sinh x,\quad \cos(ix) = \cosh x")
    x = spec.x
    cosh, sinh, cos, sin = math.cosh(x), math.sinh(x), math.cos(x), math.sin(x)
    left.latex(
        rf"\cosh^2 t - \sinh^2 t = {tex(cosh**2)} - {tex(sinh**2)} = {tex(cosh**2 - sinh**2)}"
    )
    right.latex(rf"\cos^2 t + \sin^2 t = {tex(cos**2)} + {tex(sin**2)} = {tex(cos**2 + sin**2)}")
    figure = sectors_figure(sectors(x), mode=blocks.mode())
    blocks.show_figure(figure, "sectors", _("Hyperbola and circle with sectors of equal area"))
    st.caption(
        _("t = x = {t}: both shaded sectors have the area |t|/2 = {area}.").format(
            t=number(x), area=number(abs(x) / 2)
        )
    )
    blocks.explain("activations_hyperbolic")
    return spec


def _pair() -> None:
    new = st.segmented_control(
        _("Functions"),
        list(PAIRS),
        required=True,
        key=activations_state.VIEWS.widget_key(View.HYPERBOLIC, "function"),
        format_func=lambda name: f"{name} | {PAIRS[name]}",
    )
    activations_state.store(View.HYPERBOLIC, "function", new)


def _series(side: Side) -> str:
    return rf"\{side.name} x \approx {side.latex}"


def _at(side: Side, x: float) -> str:
    return (
        rf"\{side.name}({tex(x)}) = {tex(side.at)},\qquad \text{{series: }}{tex(side.partial_at)}"
    )
