"""The views of the page on activation functions: controls, figure, numbers, explanation."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.charts.activations.functions import functions_figure
from gradflow.charts.activations.slope_products import slope_products_figure
from gradflow.charts.theme import format_number, format_share
from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.presets import PRESETS
from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import ShownFunctions, make_mlp, sample_function
from gradflow.core.teaching.slope_products import SlopeChains, SlopeProducts, measure_slope_products
from gradflow.core.text import _
from gradflow.ui import blocks, paths
from gradflow.ui.activations import controls, lessons
from gradflow.ui.activations import state as activations_state
from gradflow.ui.activations.state import View
from gradflow.ui.activations.table import facts_markdown, formulas
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.latex import tex

WEIGHT_STDS = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0, 100.0, 1000.0)


def show(view: View) -> None:
    """Draw one view, and let the URL carry it."""
    activations_state.settled(view, _VIEWS[view]())


def _functions() -> Spec:
    controls.functions(View.FUNCTIONS)
    columns = st.columns(3)
    with columns[0]:
        controls.slider(View.FUNCTIONS, "reach")
    with columns[1]:
        controls.slider(View.FUNCTIONS, "negative_slope", 0.01)
    with columns[2]:
        controls.slider(View.FUNCTIONS, "elu_alpha", 0.1)
    spec = activations_state.spec(View.FUNCTIONS)
    assert isinstance(spec, ShownFunctions)
    functions = spec.list_functions()
    curves = [
        (_(ACTIVATIONS[f.activation].label), sample_function(f, spec.reach)) for f in functions
    ]
    figure = functions_figure(curves, mode=blocks.mode())
    blocks.show_figure(figure, "functions", _("Activation functions and their derivatives"))
    if Activation.RRELU in spec.shown:
        st.caption(_(
            "RReLU: while training, every entry draws its slope below 0 from 1/8 to 1/3 (the "
            "band); the mean slope, 11/48 = 0.229, is the line, and what evaluation uses."
        ))  # fmt: skip
    if functions:
        st.markdown(formulas(functions))
    blocks.explain("activations_functions")
    st.subheader(_("All activation functions"))
    st.markdown(facts_markdown([make_mlp(activation, spec) for activation in Activation]))
    blocks.explain("activations_table")
    return spec


def _layers() -> Spec:
    columns = st.columns([2, 3, 3, 2])
    with columns[0]:
        controls.activation(View.LAYERS)
    with columns[1]:
        controls.slider(View.LAYERS, "layers")
    with columns[2]:
        controls.decades(View.LAYERS, "weight_std", WEIGHT_STDS)
    with columns[3]:
        controls.slider(View.LAYERS, "seed")
    spec = activations_state.spec(View.LAYERS)
    assert isinstance(spec, SlopeChains)
    products = measure_slope_products(spec)
    left, middle, right = st.columns(3, vertical_alignment="center")
    left.latex(_bound(products, spec.layers))
    middle.latex(
        rf"\prod_{{i=1}}^{{{spec.layers}}}\left|\varphi'(z_i)\right|"
        rf" = {tex(products.slopes[1, -1])}"
    )
    right.latex(
        rf"\prod_{{i=1}}^{{{spec.layers}}}\left|w_i\,\varphi'(z_i)\right|"
        rf" = {tex(products.factors[1, -1])}"
    )
    figure = slope_products_figure(products, mode=blocks.mode())
    blocks.show_figure(figure, "slope_products", _("Products of slopes over the layers"))
    for sentence in layer_sentences(spec, products):
        st.markdown(sentence)
    if spec.activation is Activation.SIGMOID and st.button(
        _("See a deep sigmoid network in Explore"), icon=":material/insights:"
    ):
        EXPLORE.replace(PRESETS["deep_sigmoid"].experiment)
        st.switch_page(paths.EXPLORE)
    blocks.explain("activations_layers")
    return spec


def _bound(products: SlopeProducts, layers: int) -> str:
    largest = r"\tfrac14" if products.largest == 1 / 4 else tex(products.largest)
    return (
        rf"\left(\max|\varphi'|\right)^n = \left({largest}\right)^{{{layers}}}"
        rf" = {tex(products.bound[-1])}"
    )


def layer_sentences(spec: SlopeChains, products: SlopeProducts) -> list[str]:
    """What the numbers say, in plain words."""
    typical = float(products.slopes[1, -1]) ** (1 / spec.layers)
    found = [
        _(
            "Over {n} layers the slopes alone leave at most **{bound}** of the gradient, and in "
            "the median chain **{median}**: a factor {typical} per layer where {largest} is the "
            "most."
        ).format(
            n=spec.layers,
            bound=format_number(float(products.bound[-1])),
            median=format_number(float(products.slopes[1, -1])),
            typical=format_number(typical),
            largest=format_number(products.largest, 4),
        )
    ]
    if products.largest < 1:
        found[0] += " " + _(
            "Weights must be larger than {size} in size to make up for it, and large weights "
            "push z to where the slope is smaller still."
        ).format(size=format_number(1 / products.largest))
    if products.zero[-1] > 0:
        found.append(
            _("In {share} of the chains the product is exactly 0.").format(
                share=format_share(float(products.zero[-1]))
            )
        )
    if products.overflowed:
        found.append(_(
            "From layer {n} on, some chain exceeds 1.8·10³⁰⁸, the largest number of float64: its "
            "signal or its product is infinite from there. Smaller weights prevent it."
        ).format(n=products.overflowed))  # fmt: skip
    return found


_VIEWS: dict[View, Callable[[], Spec]] = {
    View.FUNCTIONS: _functions,
    View.LAYERS: _layers,
    View.DYING: lessons.dying,
    View.GAUSSIAN: lessons.gaussian,
    View.HYPERBOLIC: lessons.hyperbolic,
}
