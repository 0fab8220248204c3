"""A training that was watched: a map layer × step, or the distribution of one layer as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import plotly.graph_objects as go

from gradflow.charts.figure import PlainFigure, get_spec
from gradflow.charts.flow.data import Gradient
from gradflow.charts.theme import Mode
from gradflow.charts.training.data import QUANTITIES
from gradflow.charts.training.film import GRADIENT, SIGNAL
from gradflow.charts.training.history import history_figure
from gradflow.charts.training.lanes import make_film_lane, make_lane
from gradflow.charts.training.layers import layers_figure
from gradflow.core.errors import GradflowError
from gradflow.core.text import Text

if TYPE_CHECKING:
    from gradflow.core.timeline import Timeline

_ROOM = 240
"""Pixels by which a figure that stands alone is higher than one beneath others."""
ImageOf = Literal["activation", "delta", "activation_grad", "weight_grad"]


def timeline_figure(
    timeline: Timeline,
    *,
    quantity: str = "weight_grad_norm",
    layer: int | None = None,
    what: ImageOf = "activation",
    mode: Mode = "light",
) -> go.Figure:
    """Draw a map layer × step of a quantity, or of one layer how its distribution changes.

    Args:
        timeline: what was watched.
        quantity: of the map: ``weight_grad_norm`` ‖∂L/∂W‖, ``delta_norm`` ‖∂L/∂z‖,
            ``activation_std``, ``update_ratio`` ‖ΔW‖/‖W‖, ``dead`` or ``saturated`` (shares).
        layer: if given, an image step × value of this layer instead, from 1 at the input side: a
            column is the distribution in a step. Activations keep their sign; gradients have
            log10 of their size as axis.
        what: of the image.
        mode: for a light or a dark page.

    Raises:
        GradflowError: there is no such quantity or layer.
    """
    title = timeline.title
    lane = make_lane("A", title, timeline, int(timeline.steps[-1]) if len(timeline.steps) else 1)
    if layer is None:
        if quantity not in QUANTITIES:
            raise GradflowError(
                Text(
                    "quantity: {quantity!r} is not one of {known}",
                    quantity=quantity,
                    known=", ".join(QUANTITIES),
                )
            )
        figure = layers_figure([lane], quantity=quantity, mode=mode)
        return _enlarge(figure)
    if not 1 <= layer <= max(len(timeline.modules), 1):
        raise GradflowError(
            Text(
                "layer: {layer} is not there; layers run from 1 to {last}",
                layer=layer,
                last=len(timeline.modules),
            )
        )
    gradient: Gradient = "delta" if what == "activation" else what
    band = SIGNAL if what == "activation" else GRADIENT
    film = make_film_lane("A", title, timeline, gradient)
    return _enlarge(history_figure([lane], [film], layer=layer, band=band, mode=mode))


def _enlarge(figure: go.Figure) -> go.Figure:
    """Give a figure that stands beneath others on a page the height of one that stands alone."""
    spec = get_spec(figure)
    layout = spec["layout"]
    return PlainFigure({**spec, "layout": {**layout, "height": layout["height"] + _ROOM}})
