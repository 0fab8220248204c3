"""Why 1/n, 2/(n_in + n_out) and 2/n: the derivation in steps, with the layer's own numbers."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.initialization.variance import variance_figure
from gradflow.core.numbers import format_number
from gradflow.core.teaching.initialization.variance import Law, LayerNumbers, OneLayer
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.initialization import compute
from gradflow.ui.initialization.state import VARIANCE
from gradflow.ui.latex import write_equations, write_number, write_product
from gradflow.ui.settings.fields import draw_choice, draw_marks, draw_slider
from gradflow.ui.stage import Stage

SIZES = (10, 20, 50, 100, 200, 300, 400, 500, 600, 800, 1000)
LAWS: dict[Law, str] = {
    "small": N_("σ = 0.01"),
    "lecun": N_("LeCun 1/n_in"),
    "xavier": N_("Xavier 2/(n_in + n_out)"),
    "he": N_("He 2/n_in"),
    "he_out": N_("He 2/n_out"),
}
_BACKWARD_STEP = 5
"""From here on the derivation speaks of the gradient, too."""
_WORDS = {
    1: N_(
        "**One product.** The weight w and the input a are independent, and w has mean 0. So the "
        "mean square of w·a is the variance of w times the mean square of a."
    ),
    2: N_(
        "**A sum of n_in products.** Independent terms add their variances: the more units come "
        "in, the larger z."
    ),
    3: N_(
        "**What φ leaves.** If x has mean square 1, φ(x) has E φ(x)²: 1 if φ is linear, ½ if it "
        "is ReLU, which sets half of all x to 0."
    ),
    4: N_(
        "**Keep the signal.** The factor should be 1, so Var(W) = 1/(n_in·E φ²): 1/n for a linear "
        "layer (LeCun), 2/n for ReLU (He)."
    ),
    5: N_(
        "**Keep the gradient.** On its way back a unit collects from n_out units and is multiplied "
        "by φ′: the same sum, with n_out in place of n_in."
    ),
    6: N_(
        "**Both at once** is possible only if n_in = n_out. Xavier divides by their mean: if φ is "
        "linear, one factor is then as far above 1 as the other is below."
    ),
}


def show(stage: Stage) -> None:
    """Show the current step as a sentence and an equation, above the picture of both factors."""
    spec = VARIANCE.read()
    numbers = compute.measure_layer(spec)
    st.markdown(_(_WORDS[spec.step]))
    st.latex(write_step(spec, numbers))
    with st.container(key="below_on_phone"):  # beneath the picture there (style.css)
        st.markdown(describe_laws(spec, numbers))
    laws = {str(code): (_(name), numbers.variances[code]) for code, name in LAWS.items()}
    blocks.show_figure(
        variance_figure(
            numbers,
            (spec.fan_in, spec.fan_out),
            laws,
            spec.law,
            backward=spec.step >= _BACKWARD_STEP,
            mode=blocks.read_mode(),
        ),
        "initialization_variance",
        _("Factor of the signal and of the gradient against the variance of the weights"),
    )
    with stage.details:
        blocks.explain("initialization_variance")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_slider(VARIANCE, "step")
    draw_choice(VARIANCE, "law", LAWS)
    draw_choice(VARIANCE, "activation")
    draw_marks(VARIANCE, "fan_in", SIZES)
    draw_marks(VARIANCE, "fan_out", SIZES)
    draw_slider(VARIANCE, "seed")


def write_step(spec: OneLayer, numbers: LayerNumbers) -> str:
    """Write the equation of a step, first in letters, then with the numbers."""
    variance, power, slope = numbers.variance, numbers.power, numbers.slope
    written = {
        1: (
            r"\mathrm{E}(w\,a)^2",
            r"\mathrm{Var}(w)\;\mathrm{E}\,a^2",
            write_product(variance, power),
            write_number(variance * power),
        ),
        2: (
            r"\mathrm{E}\,z^2",
            r"n_\mathrm{in}\,\mathrm{Var}(W)\;\mathrm{E}\,a^2",
            write_product(spec.fan_in, variance, power),
            write_number(numbers.forward),
        ),
        3: (
            r"\mathrm{E}\,a^2",
            r"\mathrm{E}\,\varphi(x)^2",
            write_number(power),
        ),
        4: (
            r"\mathrm{Var}(W)",
            r"\frac{1}{n_\mathrm{in}\,\mathrm{E}\,\varphi^2}",
            rf"\frac{{1}}{{{write_product(spec.fan_in, power)}}}",
            write_number(1 / (spec.fan_in * power)),
        ),
        5: (
            r"\mathrm{Var}(W)",
            r"\frac{1}{n_\mathrm{out}\,\mathrm{E}\,\varphi'^2}",
            rf"\frac{{1}}{{{write_product(spec.fan_out, slope)}}}",
            write_number(1 / (spec.fan_out * slope)),
        ),
        6: (
            r"\mathrm{Var}(W)",
            r"\frac{2}{n_\mathrm{in}+n_\mathrm{out}}",
            rf"\frac{{2}}{{{spec.fan_in}+{spec.fan_out}}}",
            write_number(2 / (spec.fan_in + spec.fan_out)),
        ),
    }
    left, letters, *numeric = written[spec.step]
    return write_equations((left, letters), ("", *numeric))


def describe_laws(spec: OneLayer, numbers: LayerNumbers) -> str:
    """Say what the chosen law does here, both ways, computed and measured."""
    return _(
        "**{law}**, Var(W) = {variance}: the signal’s mean square × {forward} (measured "
        "{measured_forward}), the gradient’s × {backward} (measured {measured_backward}). Over ten "
        "equal layers that is × {ten_forward} and × {ten_backward}."
    ).format(
        law=_(LAWS[spec.law]),
        variance=format_number(numbers.variance),
        forward=format_number(numbers.forward),
        measured_forward=format_number(numbers.measured_forward),
        backward=format_number(numbers.backward),
        measured_backward=format_number(numbers.measured_backward),
        ten_forward=format_number(numbers.forward**10),
        ten_backward=format_number(numbers.backward**10),
    )
