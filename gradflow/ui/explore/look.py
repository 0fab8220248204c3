"""How a reader looks at the Flow figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gradflow.charts.flow.columns import Order, list_orders
from gradflow.charts.flow.data import Gradient
from gradflow.core.catalog import Architecture
from gradflow.core.report import Report
from gradflow.core.text import LANGUAGE, N_, _
from gradflow.ui import blocks
from gradflow.ui.explore.flow import FlowView, Rows
from gradflow.ui.explore.subject import SavedReport, Subject

GRADIENTS: dict[Gradient, str] = {
    "delta": N_("∂L/∂z (error signal δ)"),
    "activation_grad": N_("∂L/∂a (activations)"),
    "weight_grad": N_("∂L/∂W (weights)"),
}


def read_theory_help() -> str:
    """Say what the theory's line is."""
    return _(
        "Dashed: what mean-field theory predicts, with a band of about one standard deviation, "
        "by which networks of this width differ."
    )


def name_seeds(count: int) -> str:
    """Name a number of seeds."""
    return _("one seed") if count == 1 else _("{n} seeds").format(n=count)


MOST_LAYERS = 60
"""Layers of somebody's own model that are shown one by one at first."""
_ORDERS: dict[Order, str] = {
    "layer": N_("All layers"),
    "kind": N_("By kind"),
    "fold": N_("Blocks, folded"),
}


def choose_rows(subject: Subject, report: Report, place: str) -> Literal["layer", "block"]:
    """Draw the choice of what the columns of a figure are, layers or blocks."""
    if report.stream is None:
        return "layer"
    names: dict[Literal["layer", "block"], str] = {
        "layer": _("All layers"),
        "block": _("Residual stream"),
    }
    is_stream = _find_usual_rows(subject, report) == "block"
    usual: Literal["layer", "block"] = "block" if is_stream else "layer"
    key = f"{place}_rows_{'transformer' if usual == 'block' else 'layers'}"
    return blocks.choose_one(_("Columns of the figure"), names, key, usual)


def list_rows(report: Report) -> dict[Rows, str]:
    """List what the columns of the Flow figure can be."""
    names: dict[Rows, str] = {order: _(_ORDERS[order]) for order in list_orders(report)}
    return names if report.stream is None else names | {"block": _("Residual stream")}


def _find_usual_rows(subject: Subject, report: Report) -> Rows:
    """A transformer's layers differ in kind, so its stream says more than all of them.

    Of a report that was brought all layers are shown, or, if they are many, its blocks.
    """
    if isinstance(subject, SavedReport):
        return "fold" if len(report.get_table("layers")) > MOST_LAYERS else "layer"
    transformer = subject.network.architecture is Architecture.TRANSFORMER
    return "block" if transformer else "layer"


def find_rows(look: Mapping[str, Any], subject: Subject, report: Report) -> Rows:
    """Find what the columns are, as chosen or as usual."""
    rows: Rows = look.get("rows", _find_usual_rows(subject, report))
    return rows if rows in list_rows(report) else "layer"


def make_view(look: Mapping[str, Any], selected: int = 0) -> FlowView:
    """Make the view that was chosen, for this browser's mode and language."""
    return FlowView(mode=blocks.read_mode(), language=LANGUAGE.get(), selected=selected, **look)
