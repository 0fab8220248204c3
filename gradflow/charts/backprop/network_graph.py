"""A small network as a graph, with the numbers known so far and one equation's terms marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from gradflow.charts.figure import build_figure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, Palette, fade, format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.perceptron import PerceptronRun
    from gradflow.core.teaching.perceptron_steps import Edge, Highlight, Known, Node

ROW = 100
"""Pixels between two units of a layer."""
NODE = 62
"""Pixels of a unit's circle."""


@dataclass(frozen=True)
class MarkedStep:
    """A step as the graph shows it.

    Attributes:
        known: what has been computed so far.
        terms: what the chosen equation touches.
        backward: whether the step belongs to the way back.
    """

    known: Known
    terms: Highlight
    backward: bool


def network_figure(run: PerceptronRun, marked: MarkedStep, *, mode: Mode = "light") -> go.Figure:
    """Units as circles, layer by layer, the inputs left; weights as lines, thicker if larger.

    A circle holds z above a, or dots while they are unknown; δ stands below it once it is known.
    Negative weights are dashed. The terms of the chosen equation are drawn in the colour of their
    direction: connections it uses with their number, units it reads with a thin rim, the unit
    whose number it gives with a thick one.

    Args:
        run: the network and its numbers.
        marked: which of them to show and to mark.
        mode: for a light or a dark page; the figure's own background is transparent.
    """
    sizes = run.spec.sizes
    tallest = max(sizes)
    data = [
        *_edges(run, marked, mode),
        _edge_hover(run, marked, mode),
        _units(run, marked, mode),
    ]
    layers = len(sizes) - 1
    names = [_("input"), *(_("layer {n}").format(n=n) for n in range(1, layers + 1))]
    names[-1] += " = L"
    layout = {
        "height": ROW * tallest + 60,
        "margin": {"l": 8, "r": 8, "t": 34, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "xaxis": _hidden(-0.3, layers + 0.5)
        | {
            "side": "top",
            "tickvals": list(range(layers + 1)),
            "ticktext": names,
        },
        "yaxis": _hidden(-tallest / 2 - 0.08, tallest / 2) | {"showticklabels": False},
        "annotations": [*_deltas(run, marked, mode), *_edge_labels(run, marked, mode)],
    }
    return build_figure(data, layout, mode)


def _hidden(low: float, high: float) -> dict[str, Any]:
    return {"range": [low, high], "showgrid": False, "ticks": "", "fixedrange": True}


def place(node: Node, sizes: tuple[int, ...]) -> tuple[float, float]:
    """Where a unit stands: its layer, and its row from the middle of the layer."""
    layer, unit = node
    return float(layer), (sizes[layer] + 1) / 2 - unit


def _all_edges(sizes: tuple[int, ...]) -> list[Edge]:
    return [
        (layer, i, j)
        for layer in range(1, len(sizes))
        for i in range(1, sizes[layer] + 1)
        for j in range(1, sizes[layer - 1] + 1)
    ]


def _weight(run: PerceptronRun, edge: Edge) -> float:
    layer, i, j = edge
    return float(run.parameters[layer - 1][0][i - 1, j - 1])


def _edges(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> list[dict[str, Any]]:
    """One trace per kind of line: sign, three widths, and the marked ones on top."""
    palette = PALETTES[mode]
    strong = _colour(marked, mode)
    kinds: dict[tuple[bool, bool, int], list[Edge]] = {}
    for edge in _all_edges(run.spec.sizes):
        weight = _weight(run, edge)
        size = abs(weight)
        width = 1 if size < 0.5 else 2 if size < 1.5 else 3
        kinds.setdefault((edge in marked.terms.edges, weight < 0, width), []).append(edge)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "hoverinfo": "skip",
            "line": {
                "color": strong if chosen else fade(palette.muted, 0.45),
                "width": width + 2 if chosen else width,
                "dash": "dash" if negative else "solid",
            },
            **_lines(edges, run.spec.sizes),
        }
        for (chosen, negative, width), edges in sorted(kinds.items())
    ]


def _lines(edges: Iterable[Edge], sizes: tuple[int, ...]) -> dict[str, list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    for layer, i, j in edges:
        (x0, y0), (x1, y1) = place((layer - 1, j), sizes), place((layer, i), sizes)
        x += [x0, x1, None]
        y += [y0, y1, None]
    return {"x": x, "y": y}


def _along(edge: Edge, sizes: tuple[int, ...], share: float) -> tuple[float, float]:
    layer, i, j = edge
    (x0, y0), (x1, y1) = place((layer - 1, j), sizes), place((layer, i), sizes)
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def _edge_hover(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> dict[str, Any]:
    edges = _all_edges(run.spec.sizes)
    points = [_along(edge, run.spec.sizes, 0.3) for edge in edges]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _y in points],
        "y": [y for _x, y in points],
        "marker": {"size": 14, "color": fade(PALETTES[mode].muted, 0.0)},
        "hovertext": [_edge_text(run, edge, marked) for edge in edges],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _edge_text(run: PerceptronRun, edge: Edge, marked: MarkedStep) -> str:
    layer, i, j = edge
    name = f"w<sub>{i}{j}</sub><sup>({layer})</sup>"
    text = f"{name} = {format_number(_weight(run, edge), 4)}"
    if layer >= marked.known.weight:
        gradient = float(run.by_hand.weight[layer - 1][i - 1, j - 1])
        text += f"<br>∂E/∂{name} = {format_number(gradient, 4)}"
    return text


def _units(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    sizes = run.spec.sizes
    nodes = [(layer, u) for layer, size in enumerate(sizes) for u in range(1, size + 1)]
    points = [place(node, sizes) for node in nodes]
    touched = marked.terms.result | marked.terms.reads
    strong = _colour(marked, mode)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x for x, _y in points],
        "y": [y for _x, y in points],
        "customdata": [list(node) for node in nodes],
        "text": [_inside(run, node, marked.known) for node in nodes],
        "textfont": {"size": TEXT_SIZE - 2, "color": palette.ink},
        "textposition": "middle center",
        "hovertext": [_unit_text(run, node, marked.known) for node in nodes],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "size": NODE,
            "color": palette.panel,
            "opacity": 1,
            "line": {
                "width": [
                    6 if node in marked.terms.result else 3 if node in touched else 1.5
                    for node in nodes
                ],
                "color": [strong if node in touched else palette.muted for node in nodes],
            },
        },
    }


def _colour(marked: MarkedStep, mode: Mode) -> str:
    palette = PALETTES[mode]
    return palette.backward if marked.backward else palette.forward


def _inside(run: PerceptronRun, node: Node, known: Known) -> str:
    layer, unit = node
    a = format_number(float(run.by_hand.a[layer][unit - 1]))
    if layer == 0:
        return f"x<sub>{unit}</sub><br><b>{a}</b>"
    z = format_number(float(run.by_hand.z[layer - 1][unit - 1]))
    return f"{z if layer <= known.z else '·'}<br><b>{a if layer <= known.a else '·'}</b>"


def _unit_text(run: PerceptronRun, node: Node, known: Known) -> str:
    layer, unit = node
    hand = run.by_hand
    if layer == 0:
        return f"x<sub>{unit}</sub> = {format_number(float(hand.a[0][unit - 1]), 4)}"
    rows = [("b", float(run.parameters[layer - 1][1][unit - 1]))]
    if layer <= known.z:
        rows.append(("z", float(hand.z[layer - 1][unit - 1])))
    if layer <= known.a:
        rows.append(("a", float(hand.a[layer][unit - 1])))
    if layer >= known.delta:
        rows.append(("δ", float(hand.delta[layer - 1][unit - 1])))
    index = f"<sub>{unit}</sub><sup>({layer})</sup>"
    return "<br>".join(f"{name}{index} = {format_number(value, 4)}" for name, value in rows)


def _deltas(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> list[dict[str, Any]]:
    """δ below every unit that has one by now, and the unit's targets behind the outputs."""
    palette, sizes = PALETTES[mode], run.spec.sizes
    last = len(sizes) - 1
    labels = []
    for layer in range(marked.known.delta, last + 1):
        for unit in range(1, sizes[layer] + 1):
            x, y = place((layer, unit), sizes)
            value = float(run.by_hand.delta[layer - 1][unit - 1])
            labels.append(
                _label(f"δ {format_number(value)}", x, y, palette.backward, palette)
                | {"yshift": -NODE / 2 - 14}
            )
    for unit, target in enumerate(run.spec.targets, start=1):
        x, y = place((last, unit), sizes)
        labels.append(
            _label(f"t<sub>{unit}</sub> {format_number(target)}", x, y, palette.ink, palette)
            | {"xshift": NODE / 2 + 8, "xanchor": "left"}
        )
    return labels


def _edge_labels(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> list[dict[str, Any]]:
    """The number at each marked connection, half way, where none lies on a unit."""
    labels = []
    for edge, value in marked.terms.edges.items():
        x, y = _along(edge, run.spec.sizes, 0.5)
        labels.append(_label(format_number(value), x, y, _colour(marked, mode), PALETTES[mode]))
    return labels


def _label(text: str, x: float, y: float, colour: str, palette: Palette) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": y,
        "showarrow": False,
        "font": {"size": TEXT_SIZE - 2, "color": colour},
        "bgcolor": fade(palette.page, 0.9),
        "borderpad": 1,
    }
