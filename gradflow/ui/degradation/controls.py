"""The controls of networks of blocks, which two views of the page on degradation share."""

from __future__ import annotations

from gradflow.core.catalog import ARCHITECTURES, NORMALIZATIONS
from gradflow.core.teaching.degradation.depth import LAYERED, NORMS
from gradflow.ui.settings.fields import (
    AnyForm,
    draw_activation,
    draw_choice,
    draw_marks,
    draw_slider,
    draw_toggle,
)

WIDTHS = (16, 32, 64, 128)
CHANNELS = (4, 8, 16, 32)


def draw_network(form: AnyForm) -> None:
    """Draw the controls of networks of blocks; a depth only where the form has one."""
    draw_choice(form, "architecture", {code: ARCHITECTURES[code].label for code in LAYERED})
    draw_activation(form)
    draw_choice(form, "normalization", {code: NORMALIZATIONS[code].label for code in NORMS})
    draw_slider(form, "depth")
    draw_slider(form, "block_size")
    draw_marks(form, "width", WIDTHS)
    draw_marks(form, "channels", CHANNELS)
    draw_slider(form, "branch_scale", step=0.05)
    draw_toggle(form, "zero_last")
    draw_slider(form, "seed")
