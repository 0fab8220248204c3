"""Slopes over many layers: products of φ′ along chains of units."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.activations.slope_products import slope_products_figure
from gradflow.core.catalog import Activation
from gradflow.core.numbers import format_number, format_share
from gradflow.core.presets import PRESETS
from gradflow.core.teaching.slope_products import SlopeChains, SlopeProducts, measure_slope_products
from gradflow.core.text import _
from gradflow.ui import blocks, paths
from gradflow.ui.activations.state import LAYERS
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.latex import write_number
from gradflow.ui.settings.fields import draw_activation, draw_marks, draw_slider
from gradflow.ui.stage import Stage

WEIGHT_STDS = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0, 100.0, 1000.0)


def show(stage: Stage) -> None:
    """Show how the product of the slopes shrinks or grows over the layers."""
    spec = LAYERS.read()
    products = measure_slope_products(spec)
    first, *others = describe_products(spec, products)
    st.markdown(first)
    figure = slope_products_figure(products, mode=blocks.read_mode())
    blocks.show_figure(figure, "slope_products", _("Products of slopes over the layers"))
    with stage.details:
        for sentence in others:
            st.markdown(sentence)
        _show_formulas(products, spec.layers)
        if spec.activation is Activation.SIGMOID and st.button(
            _("See a deep sigmoid network in Explore"), icon=":material/insights:"
        ):
            EXPLORE.replace(PRESETS["deep_sigmoid"].experiment)
            st.switch_page(paths.EXPLORE)
        blocks.explain("activations_layers")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_activation(LAYERS)
    draw_slider(LAYERS, "layers")
    draw_marks(LAYERS, "weight_std", WEIGHT_STDS)
    draw_slider(LAYERS, "seed")


def _show_formulas(products: SlopeProducts, layers: int) -> None:
    left, middle, right = st.columns(3, vertical_alignment="center")
    largest = r"\tfrac14" if products.largest == 1 / 4 else write_number(products.largest)
    left.latex(
        rf"\left(\max|\varphi'|\right)^n = \left({largest}\right)^{{{layers}}}"
        rf" = {write_number(products.bound[-1])}"
    )
    middle.latex(
        rf"\prod_{{i=1}}^{{{layers}}}\left|\varphi'(z_i)\right|"
        rf" = {write_number(products.slopes[1, -1])}"
    )
    right.latex(
        rf"\prod_{{i=1}}^{{{layers}}}\left|w_i\,\varphi'(z_i)\right|"
        rf" = {write_number(products.factors[1, -1])}"
    )


def describe_products(spec: SlopeChains, products: SlopeProducts) -> list[str]:
    """Say what the products mean, in plain words."""
    bound, median = float(products.bound[-1]), float(products.slopes[1, -1])
    slopes = _(
        "Over {n} layers the slopes alone leave at most **{bound}** of the gradient. In the "
        "median chain they leave **{median}**: × {typical} per layer, where × {largest} is the "
        "most."
    ).format(
        n=spec.layers,
        bound=format_number(bound),
        median=format_number(median),
        typical=format_number(median ** (1 / spec.layers)),
        largest=format_number(products.largest, 4),
    )
    if products.largest < 1:
        slopes += " " + _(
            "Only weights larger than {size} make up for that, and such weights push z to where "
            "the slope is smaller still."
        ).format(size=format_number(1 / products.largest))
    sentences = [slopes]
    if products.zero[-1] > 0:
        sentences.append(
            _("In {share} of the chains the product is exactly 0.").format(
                share=format_share(float(products.zero[-1]))
            )
        )
    if products.overflowed:
        sentences.append(
            _(
                "From layer {n} on, some chain exceeds 1.8·10³⁰⁸, the largest number of float64: "
                "its signal or its product is infinite from there. Smaller weights prevent it."
            ).format(n=products.overflowed)
        )
    return sentences
