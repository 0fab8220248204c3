"""Normal and uniform weights of the same variance: only the weights tell them apart."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.initialization.shapes import shapes_figure
from gradflow.core.numbers import format_number
from gradflow.core.teaching.initialization.shapes import Shape, ShapeNumbers
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.initialization import compute
from gradflow.ui.initialization.state import SHAPES
from gradflow.ui.long_work import compute_parts
from gradflow.ui.settings.fields import draw_activation, draw_buttons, draw_slider
from gradflow.ui.stage import Stage

FAMILIES = {"lecun": N_("LeCun"), "xavier": N_("Xavier"), "kaiming": N_("He")}
NAMES = {Shape.NORMAL: N_("normal"), Shape.UNIFORM: N_("uniform")}


def show(stage: Stage) -> None:
    """Show both laws in one layer, and the gradient over all layers."""
    spec = SHAPES.read()
    numbers = compute_parts(list(Shape), lambda shape: compute.read_shape(spec, shape))
    st.markdown(
        _(
            "**Only the variance counts.** The weights of the two laws look different; a sum over "
            "hundreds of them does not (central limit theorem), and so neither do z and the "
            "gradient."
        )
    )
    blocks.show_figure(
        shapes_figure(
            [(_(NAMES[shape]), numbers[shape]) for shape in Shape],
            spec.layer,
            mode=blocks.read_mode(),
        ),
        "initialization_shapes",
        _("Weights, signal and gradient under a normal and a uniform law"),
    )
    with stage.details:
        st.markdown(describe_shapes(numbers))
        blocks.explain("initialization_shapes")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_slider(SHAPES, "layer")
    draw_buttons(SHAPES, "family", FAMILIES)
    draw_activation(SHAPES)
    draw_slider(SHAPES, "seed")


def describe_shapes(numbers: dict[Shape, ShapeNumbers]) -> str:
    """Say how large weights, signal and gradient are under each law."""
    lines = [
        _("**{name}**: σ of W {weight}, of z {signal}; RMS of ∂L/∂z {gradient}").format(
            name=_(NAMES[shape]),
            weight=format_number(own.std[0]),
            signal=format_number(own.std[1]),
            gradient=format_number(own.std[2]),
        )
        for shape, own in numbers.items()
    ]
    return " · ".join(lines)
