"""A small network as a graph, with the numbers known so far and the terms of one equation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from gradflow.charts.figure import build_figure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, Palette, fade
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.perceptron import PerceptronRun
    from gradflow.core.teaching.perceptron_steps import Edge, Highlight, Node, Progress

ROW_HEIGHT = 100
"""Pixels between two units of a layer."""
NODE_SIZE = 62
"""Diameter of a unit's circle in pixels."""


@dataclass(frozen=True)
class MarkedStep:
    """A step as the graph shows it.

    Attributes:
        known: the numbers computed so far.
        terms: units and connections of the chosen equation.
        backward: whether the step belongs to the backward pass.
    """

    known: Progress
    terms: Highlight
    backward: bool


def network_figure(run: PerceptronRun, marked: MarkedStep, *, mode: Mode = "light") -> go.Figure:
    """Draw units as circles, the inputs left, and weights as lines, thicker if larger.

    A circle holds z above a, or dots while they are unknown; δ stands below it once it is known.
    Negative weights are dashed. The terms of the chosen equation are drawn in the colour of their
    direction: connections it uses with their number, units it reads with a thin rim, the unit
    whose number it gives with a thick one.

    Args:
        run: the network and its numbers.
        marked: the numbers to show and the terms to mark.
        mode: for a light or a dark page; the figure's own background is transparent.
    """
    sizes = run.spec.sizes
    tallest = max(sizes)
    data = [
        *_draw_edges(run, marked, mode),
        _draw_edge_hover(run, marked, mode),
        _draw_units(run, marked, mode),
    ]
    layers = len(sizes) - 1
    names = [_("input"), *(_("layer {n}").format(n=n) for n in range(1, layers + 1))]
    names[-1] += " = L"
    layout = {
        "height": ROW_HEIGHT * tallest + 60,
        "margin": {"l": 8, "r": 8, "t": 34, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "xaxis": _make_hidden_axis(-0.3, layers + 0.5)
        | {
            "side": "top",
            "tickvals": list(range(layers + 1)),
            "ticktext": names,
        },
        "yaxis": _make_hidden_axis(-tallest / 2 - 0.08, tallest / 2) | {"showticklabels": False},
        "annotations": [*_write_deltas(run, marked, mode), *_write_edge_numbers(run, marked, mode)],
    }
    return build_figure(data, layout, mode)


def _make_hidden_axis(low: float, high: float) -> dict[str, Any]:
    return {"range": [low, high], "showgrid": False, "ticks": "", "fixedrange": True}


def place_unit(node: Node, sizes: tuple[int, ...]) -> tuple[float, float]:
    """Place a unit: x is its layer, y its row counted from the middle of the layer."""
    layer, unit = node
    return float(layer), (sizes[layer] + 1) / 2 - unit


def _list_edges(sizes: tuple[int, ...]) -> list[Edge]:
    return [
        (layer, i, j)
        for layer in range(1, len(sizes))
        for i in range(1, sizes[layer] + 1)
        for j in range(1, sizes[layer - 1] + 1)
    ]


def _read_weight(run: PerceptronRun, edge: Edge) -> float:
    layer, i, j = edge
    return float(run.parameters[layer - 1][0][i - 1, j - 1])


def _draw_edges(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> list[dict[str, Any]]:
    """Draw one trace per kind of line: sign, three widths, and the marked ones on top."""
    palette = PALETTES[mode]
    strong = _choose_colour(marked, mode)
    kinds: dict[tuple[bool, bool, int], list[Edge]] = {}
    for edge in _list_edges(run.spec.sizes):
        weight = _read_weight(run, edge)
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
            **_join_edges(edges, run.spec.sizes),
        }
        for (chosen, negative, width), edges in sorted(kinds.items())
    ]


def _join_edges(edges: Iterable[Edge], sizes: tuple[int, ...]) -> dict[str, list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    for layer, i, j in edges:
        (x0, y0), (x1, y1) = place_unit((layer - 1, j), sizes), place_unit((layer, i), sizes)
        x += [x0, x1, None]
        y += [y0, y1, None]
    return {"x": x, "y": y}


def _find_point_on(edge: Edge, sizes: tuple[int, ...], share: float) -> tuple[float, float]:
    layer, i, j = edge
    (x0, y0), (x1, y1) = place_unit((layer - 1, j), sizes), place_unit((layer, i), sizes)
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def _draw_edge_hover(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> dict[str, Any]:
    edges = _list_edges(run.spec.sizes)
    points = [_find_point_on(edge, run.spec.sizes, 0.3) for edge in edges]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _y in points],
        "y": [y for _x, y in points],
        "marker": {"size": 14, "color": fade(PALETTES[mode].muted, 0.0)},
        "hovertext": [_describe_edge(run, edge, marked) for edge in edges],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _describe_edge(run: PerceptronRun, edge: Edge, marked: MarkedStep) -> str:
    layer, i, j = edge
    name = f"w<sub>{i}{j}</sub><sup>({layer})</sup>"
    text = f"{name} = {format_number(_read_weight(run, edge), 4)}"
    if layer >= marked.known.weight:
        gradient = float(run.by_hand.weight[layer - 1][i - 1, j - 1])
        text += f"<br>∂E/∂{name} = {format_number(gradient, 4)}"
    return text


def _draw_units(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    sizes = run.spec.sizes
    nodes = [(layer, u) for layer, size in enumerate(sizes) for u in range(1, size + 1)]
    points = [place_unit(node, sizes) for node in nodes]
    touched = marked.terms.result | marked.terms.reads
    strong = _choose_colour(marked, mode)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "cliponaxis": False,  # on a phone they are as large, and the plot ends beside them
        "x": [x for x, _y in points],
        "y": [y for _x, y in points],
        "customdata": [list(node) for node in nodes],
        "text": [_write_inside(run, node, marked.known) for node in nodes],
        "textfont": {"size": TEXT_SIZE - 2, "color": palette.ink},
        "textposition": "middle center",
        "hovertext": [_describe_unit(run, node, marked.known) for node in nodes],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "size": NODE_SIZE,
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


def _choose_colour(marked: MarkedStep, mode: Mode) -> str:
    palette = PALETTES[mode]
    return palette.backward if marked.backward else palette.forward


def _write_inside(run: PerceptronRun, node: Node, known: Progress) -> str:
    layer, unit = node
    a = format_number(float(run.by_hand.a[layer][unit - 1]))
    if layer == 0:
        return f"x<sub>{unit}</sub><br><b>{a}</b>"
    z = format_number(float(run.by_hand.z[layer - 1][unit - 1]))
    return f"{z if layer <= known.z else '·'}<br><b>{a if layer <= known.a else '·'}</b>"


def _describe_unit(run: PerceptronRun, node: Node, known: Progress) -> str:
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


def _write_deltas(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> list[dict[str, Any]]:
    """Write δ below every unit whose δ is known, and the targets to the right of the outputs."""
    palette, sizes = PALETTES[mode], run.spec.sizes
    last = len(sizes) - 1
    labels = []
    for layer in range(marked.known.delta, last + 1):
        for unit in range(1, sizes[layer] + 1):
            x, y = place_unit((layer, unit), sizes)
            value = float(run.by_hand.delta[layer - 1][unit - 1])
            labels.append(
                _make_label(f"δ {format_number(value)}", x, y, palette.backward, palette)
                | {"yshift": -NODE_SIZE / 2 - 14}
            )
    for unit, target in enumerate(run.spec.targets, start=1):
        x, y = place_unit((last, unit), sizes)
        labels.append(
            _make_label(f"t<sub>{unit}</sub> {format_number(target)}", x, y, palette.ink, palette)
            | {"xshift": NODE_SIZE / 2 + 8, "xanchor": "left"}
        )
    return labels


def _write_edge_numbers(run: PerceptronRun, marked: MarkedStep, mode: Mode) -> list[dict[str, Any]]:
    """Write the number of each marked connection at its middle, where no unit covers it."""
    labels = []
    for edge, value in marked.terms.edges.items():
        x, y = _find_point_on(edge, run.spec.sizes, 0.5)
        labels.append(
            _make_label(format_number(value), x, y, _choose_colour(marked, mode), PALETTES[mode])
        )
    return labels


def _make_label(text: str, x: float, y: float, colour: str, palette: Palette) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": y,
        "showarrow": False,
        "font": {"size": TEXT_SIZE - 2, "color": colour},
        "bgcolor": fade(palette.page, 0.9),
        "borderpad": 1,
    }
