"""A training that was watched: a map layer × step, or the distribution of one layer as an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import PlainFigure, get_spec
from gradflow.charts.flow.data import Gradient
from gradflow.charts.theme import Mode
from gradflow.charts.training.data import QUANTITIES
from gradflow.charts.training.film import GRADIENT, SIGNAL
from gradflow.charts.training.history import history_figure
from gradflow.charts.training.lanes import make_film_lane, make_lane
from gradflow.charts.training.layers import layers_figure
from gradflow.charts.training.rows import RowOrder, name_rows
from gradflow.core.errors import GradflowError
from gradflow.core.grouping import name_module
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import Text, _

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
    order: RowOrder = "layer",
    mode: Mode = "light",
) -> go.Figure:
    """Draw a map layer × step of a quantity, or of one layer how its distribution changes.

    Args:
        timeline: what was watched.
        quantity: of the map: ``weight_grad_norm`` ‖∂L/∂W‖, ``delta_norm`` ‖∂L/∂z‖,
            ``activation_std``, ``update_ratio`` ‖ΔW‖/‖W‖, ``dead`` or ``saturated`` (shares).
        layer: if given, an image step × value of this layer instead, from 1 at the input side: a
            column is the distribution in a step. Activations and gradients keep their sign; of
            gradients either side of 0 has a log axis.
        what: of the image.
        order: of the rows of a map: ``layer``: as the layers run, from the bottom; ``kind``:
            those of one kind together, each from the first block to the last.
        mode: for a light or a dark page.

    Raises:
        GradflowError: there is no such quantity or layer.
    """
    planned = int(timeline.steps[-1]) if len(timeline.steps) else 1
    if layer is None:
        if quantity not in QUANTITIES:
            raise GradflowError(
                Text(
                    "quantity: {quantity!r} is not one of {known}",
                    quantity=quantity,
                    known=", ".join(QUANTITIES),
                )
            )
        return _enlarge(_draw_map(timeline, quantity, order, planned, mode))
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
    module = str(name_module(timeline.modules[layer - 1], layer)) if timeline.modules else ""
    name = " · ".join(filter(None, (timeline.title, module)))
    lane = make_lane("", name, timeline, planned)
    film = make_film_lane("", name, timeline, gradient)
    return _enlarge(history_figure([lane], [film], layer=layer, band=band, mode=mode))


def _draw_map(
    timeline: Timeline, quantity: str, order: RowOrder, planned: int, mode: Mode
) -> go.Figure:
    kind = QUANTITIES[quantity]
    name = f"{timeline.title} · {_(kind.label)} {_(kind.symbol)}"
    lane = make_lane("", name, timeline, planned)
    rows = name_rows(lane.modules, order)
    places = list(rows.order)
    lane = replace(
        lane,
        modules=[str(name_module(lane.modules[place], place + 1)) for place in places],
        layers={column: values[places] for column, values in lane.layers.items()},
        choices=tuple(place + 1 for place in places),
    )
    return layers_figure([lane], quantity=quantity, mode=mode, rows=rows)


def list_quantities(timeline: Timeline) -> list[str]:
    """List the quantities of maps in which there is something to see."""
    return [name for name in QUANTITIES if not np.isnan(timeline.matrix(name)).all()]


def describe_map(timeline: Timeline, quantity: str) -> str:
    """Say where a quantity is largest and smallest in the last step, and where it changed most."""
    kind, values = QUANTITIES[quantity], timeline.matrix(quantity)
    if not values.size:
        return _("No step was recorded yet")
    write = format_share if kind.share else format_number
    last, names = values[:, -1], [str(name_module(m, n)) for n, m in enumerate(timeline.modules, 1)]
    known = np.flatnonzero(np.isfinite(last))
    step = int(timeline.steps[-1])
    lost = [] if kind.share else _describe_lost(timeline, quantity, names)
    if not len(known):
        return (
            lost[0]
            if lost
            else _("{symbol} is known of no layer in step {step}.").format(
                symbol=_(kind.symbol), step=step
            )
        )
    high, low = known[last[known].argmax()], known[last[known].argmin()]
    sentences = [
        _("In step {step}, {symbol} is largest in {high} ({most}), smallest in {low} ({least}).")
        if last[high] > last[low]
        else _("In step {step}, {symbol} is {most} in all layers.")
    ]
    first = values[:, 0]
    with np.errstate(all="ignore"):
        change = np.abs(last - first) if kind.share else np.abs(np.log(last / first))
    moved = np.flatnonzero(np.isfinite(change) & (change > 0))
    course = {}
    if len(moved):
        most = moved[change[moved].argmax()]
        sentences.append(
            _("Since step {first} it has changed most in {moved}, from {before} to {after}.")
        )
        course = {
            "moved": names[most],
            "before": write(float(first[most])),
            "after": write(float(last[most])),
        }
    said = " ".join(sentences).format(
        step=step,
        symbol=_(kind.symbol),
        high=names[high],
        most=write(float(last[high])),
        low=names[low],
        least=write(float(last[low])),
        first=int(timeline.steps[0]),
        **course,
    )
    return " ".join([said, *lost])


def _describe_lost(timeline: Timeline, quantity: str, names: Sequence[str]) -> list[str]:
    """Say which layers are not finite in the last step, and since when, if any are."""
    broken = make_lane("", "", timeline, 1).find_broken(quantity)
    rows = np.flatnonzero(broken[:, -1])
    if not len(rows):
        return []
    # Of each row the first step of the stretch that reaches to the end.
    starts = [int(np.flatnonzero(~np.append(False, broken[row]))[-1]) for row in rows]
    values = timeline.matrix(quantity)
    is_all = not np.isfinite(values[:, -1]).any()
    if is_all:
        text = _("{symbol} is NaN or infinite in all layers since step {since}.")
    elif len(rows) == 1:
        text = _("In {module} it is NaN or infinite since step {since}.")
    else:
        text = _("In {count} layers it is NaN or infinite, in {module} since step {since}.")
    first = int(np.argmin(starts))
    since = max(starts) if is_all else starts[first]
    return [
        text.format(
            symbol=_(QUANTITIES[quantity].symbol),
            count=len(rows),
            module=names[rows[first]],
            since=int(timeline.steps[since]),
        )
    ]


def _enlarge(figure: go.Figure) -> go.Figure:
    """Give a figure that stands beneath others on a page the height of one that stands alone."""
    spec = get_spec(figure)
    layout = spec["layout"]
    return PlainFigure({**spec, "layout": {**layout, "height": layout["height"] + _ROOM}})
