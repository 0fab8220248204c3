"""Columns of the Flow figure: every layer, layers by kind, or a column per block.

What a column shows is a pool of layers, mostly of one; what stands below the columns are the names
of the groups that they are in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from gradflow.charts.flow.labels import USUAL_WIDTH, Span
from gradflow.charts.theme import escape
from gradflow.core.grouping import Group, group_by_block, group_by_kind
from gradflow.core.report import Report
from gradflow.core.text import _

Order = Literal["layer", "kind", "fold"]
"""All layers in order of execution, layers by kind, or one column per block."""
ORDERS: tuple[Order, ...] = get_args(Order)
_TICK_ROOM = 30.0
"""Pixels that a number on the axis takes with its surroundings."""
_MOST_LINES = 50
"""Lines between groups; more of them would hide the columns, and stand between names alone."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a Flow figure show.

    Attributes:
        order: how they are ordered.
        pools: the rows of ``report.layers`` that each column pools.
        names: of each column that pools several.
        choices: what choosing a column means: the number of its layer, or minus that of its group.
        spans: names below the axis.
        ticks: places and texts on the axis.
        edges: places between two groups, where lines stand.
        title: of the axis.
    """

    order: Order
    pools: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    choices: npt.NDArray[np.int64]
    spans: tuple[Span, ...]
    ticks: tuple[tuple[float, str], ...]
    edges: tuple[float, ...]
    title: str

    @property
    def breaks(self) -> tuple[int, ...]:
        """Before which columns the line of the RMS ends: it goes from block to block only."""
        return tuple(span.first - 1 for span in self.spans[1:]) if self.order == "kind" else ()

    @property
    def is_pooled(self) -> bool:
        """Whether any column shows several layers."""
        return any(len(pool) > 1 for pool in self.pools)


def list_orders(report: Report) -> tuple[Order, ...]:
    """List the orders in which the layers of a report can be shown."""
    if report.rows != "layer":
        return ("layer",)
    orders: list[Order] = ["layer"]
    if group_by_kind(report):
        orders.append("kind")
    if group_by_block(report):
        orders.append("fold")
    return tuple(orders)


def make_columns(report: Report, order: Order = "layer", opened: int = 0) -> Columns | None:
    """Make the columns of a report; ``None`` if each is a layer and they are in no groups.

    Layers of networks of ours are known by their numbers, which verdicts and tables name, too.

    Args:
        report: the report.
        order: how they are ordered; where a report has no such groups, as its layers are.
        opened: of blocks that are folded, the number of one, from 1, that shows its layers.
    """
    if report.rows != "layer" or (order == "layer" and report.experiment is not None):
        return None
    groups = group_by_kind(report) if order == "kind" else group_by_block(report)
    if not groups:
        groups, order = group_by_block(report), "layer"
    if not groups:
        return None
    rows = {int(n): row for row, n in enumerate(report.get_table("layers")["layer"])}
    if order == "fold":
        return _fold(groups, rows, opened)
    layers = [n for group in groups for n in group.layers]
    ends = np.cumsum([len(group.layers) for group in groups]).tolist()
    own = [
        Span(escape(group.name), end - len(group.layers) + 1, end)
        for group, end in zip(groups, ends, strict=True)
    ]
    is_kind = order == "kind"
    spans = [_name_kind(span) for span in own] if is_kind else _join_places(groups, own)
    return Columns(
        order=order,
        pools=tuple((rows[n],) for n in layers),
        names=tuple("" for _layer in layers),
        choices=np.array(layers),
        spans=tuple(spans),
        ticks=() if is_kind else _number_blocks(groups, own, len(layers)),
        edges=_choose_edges([span.last + 0.5 for span in own[:-1]], spans),
        title=_("kinds of layers, each from the first block to the last")
        if is_kind
        else _("blocks, from the input (left) to the loss (right)"),
    )


def _fold(groups: Sequence[Group], rows: dict[int, int], opened: int) -> Columns:
    pools: list[tuple[int, ...]] = []
    choices: list[int] = []
    names: list[str] = []
    own: list[Span] = []
    for i, group in enumerate(groups, 1):
        first = len(pools) + 1
        if len(group.layers) == 1 or i == opened:
            pools += [(rows[n],) for n in group.layers]
            choices += group.layers
            names += [""] * len(group.layers)
        else:
            pools.append(tuple(rows[n] for n in group.layers))
            choices.append(-i)
            names.append(group.name)
        own.append(Span(escape(group.name), first, len(pools)))
    spans = _join_places(groups, own)
    is_wide = [span.last > span.first for span in own]
    edges = [
        span.last + 0.5
        for i, span in enumerate(own[:-1])
        if is_wide[i] or is_wide[i + 1] or groups[i].place != groups[i + 1].place
    ]
    return Columns(
        order="fold",
        pools=tuple(pools),
        names=tuple(names),
        choices=np.array(choices),
        spans=tuple(spans),
        ticks=_number_blocks(groups, own, len(pools)),
        edges=_choose_edges(edges, spans),
        title=_("blocks, each in one column (choose one to see its layers)"),
    )


def _choose_edges(edges: Sequence[float], spans: Sequence[Span]) -> tuple[float, ...]:
    return tuple(edges if len(edges) <= _MOST_LINES else [s.last + 0.5 for s in spans[:-1]])


def _name_kind(span: Span) -> Span:
    count = span.last - span.first + 1
    return Span(f"{span.name}<br>×{count}" if count > 1 else span.name, span.first, span.last)


def _join_places(groups: Sequence[Group], own: Sequence[Span]) -> list[Span]:
    """Join the spans of the blocks in one list, or in lists that take turns."""
    pairs = zip(groups, own, strict=True)
    runs = []
    for place, run in groupby(pairs, lambda pair: pair[0].place):
        members = [span for _group, span in run]
        runs.append(Span(escape(place), members[0].first, members[-1].last))
    count = Counter(span.name for span in runs)
    spans: list[Span] = []
    for is_woven, woven in groupby(runs, lambda span: count[span.name] > 1):
        joined = list(woven)
        if is_woven:
            name = " · ".join(dict.fromkeys(span.name for span in joined))
            joined = [Span(name, joined[0].first, joined[-1].last)]
        spans += joined
    return spans


def _number_blocks(
    groups: Sequence[Group], own: Sequence[Span], count: int
) -> tuple[tuple[float, str], ...]:
    """Number the blocks on the axis, as many as have room."""
    ticks, end = [], -np.inf
    width = USUAL_WIDTH / count
    numbered = [(span.middle, g.index) for g, span in zip(groups, own, strict=True) if g.index]
    for step in (1, 2, 5, 10, 20, 50, 100):
        chosen = [tick for tick in numbered if int(tick[1]) % step == 0]
        gaps = np.diff([at for at, _text in chosen]) * width
        if not len(gaps) or np.median(gaps) >= _TICK_ROOM:
            break
    for at, text in chosen:
        if (at - end) * width >= _TICK_ROOM * 0.8:
            ticks.append((at, text))
            end = at
    return tuple(ticks)
