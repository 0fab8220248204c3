"""A report on the page: sentences, the Flow figure, and the details in tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

import gradflow as gf
from gradflow import charts
from gradflow.charts.flow_data import Gradient
from gradflow.charts.forward import Statistic
from gradflow.charts.overlay import Overlay
from gradflow.charts.theme import number
from gradflow.core.catalog import Architecture
from gradflow.core.diagnosis import findings
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import N_, _
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks, cures_view, overlays, paths, state

GRADIENTS: dict[Gradient, str] = {
    "delta": N_("∂L/∂z (error signal δ)"),
    "activation_grad": N_("∂L/∂a (activations)"),
    "weight_grad": N_("∂L/∂W (weights)"),
}
STATISTICS: dict[Statistic, str] = {
    "activation_std": N_("standard deviation"),
    "activation_rms": N_("root mean square"),
    "saturated": N_("saturated share"),
    "dead_units": N_("dead units"),
    "similarity": N_("similarity of samples"),
}
SHOWN_STATISTICS: tuple[Statistic, ...] = ("activation_std", "saturated", "dead_units")
AXES: tuple[Literal["log", "linear"], ...] = ("log", "linear")


def show_findings(report: Report, *, lessons: bool = True) -> None:
    """What happened, in plain sentences; the first one is the gradient's fate."""
    for finding in findings(report):
        if not lessons or finding.verdict is None:
            blocks.show_finding(finding)
            continue
        left, right = st.columns([6, 1], vertical_alignment="center")
        with left:
            blocks.show_finding(finding)
        with right:
            lesson(finding.verdict)


def lesson(verdict: Verdict) -> None:
    """A link to the page that teaches a verdict."""
    st.page_link(
        paths.DIAGNOSES,
        label=_("Learn why"),
        icon=":material/school:",
        query_params={"about": str(verdict)},
        width="content",
    )


def show_metrics(report: Report) -> None:
    """Loss, size, time and place of the pass."""
    metrics = (
        (_("Loss"), f"{report.loss:.4g}", _("Of this batch, before any training step.")),
        (
            _("Gradient norm"),
            number(report.grad_norm),
            _("‖g‖ over all parameters.")
            + (
                _(" The step is clipped: multiplied by {factor}.").format(
                    factor=number(report.clip_factor)
                )
                if report.clip_factor != 1
                else ""
            ),
        ),
        (_("Parameters"), f"{report.parameter_count:,}", _("Weights, biases and the like.")),
        (
            _("Time of the pass"),
            f"{1000 * report.seconds:.0f} ms",
            _("One recorded forward and backward pass, at the time it was computed."),
        ),
        (_("Device"), f"{report.device} · {report.dtype}", _("Where, and in which format.")),
    )
    for column, (label, text, help_text) in zip(st.columns(len(metrics)), metrics, strict=True):
        column.metric(label, text, help=help_text)


def show_flow(experiment: Experiment, report: Report) -> tuple[Overlay, ...]:
    """The Flow figure with the choice of its lower band, and of what is drawn over it."""
    if report.stream is not None and _stream_chosen(experiment):
        _stream(report.stream)
        return ()
    left, right = st.columns([3, 2], vertical_alignment="center")
    gradient = left.segmented_control(
        _("Gradient in the lower band"),
        list(GRADIENTS),
        default="delta",
        required=True,
        key="flow_gradient",
        format_func=lambda code: _(GRADIENTS[code]),
        label_visibility="collapsed",
    )
    with right:
        over = overlays.chosen(experiment)
    figure = charts.flow_figure(
        report,
        mode=blocks.mode(),
        gradient=gradient,
        over=over,
        selected=state.chosen_layer(len(report.layers)),
    )
    blocks.show_clickable_figure(
        figure, "flow", _("Distribution of activations and gradients, layer by layer")
    )
    overlays.explain_theory(experiment)
    blocks.explain("flow")
    return over


def _stream_chosen(experiment: Experiment) -> bool:
    """A transformer's layers differ in kind, so its stream says more than all of them."""
    transformer = experiment.network.architecture is Architecture.TRANSFORMER
    rows = st.segmented_control(
        _("Columns of the figure"),
        ["layer", "block"],
        default="block" if transformer else "layer",
        required=True,
        key=f"flow_rows_{'transformer' if transformer else 'layers'}",
        format_func=lambda code: _("All layers") if code == "layer" else _("Residual stream"),
        label_visibility="collapsed",
        help=_("The residual stream is what runs from block to block, past the branches."),
    )
    return bool(rows == "block")


def _stream(stream: Report) -> None:
    figure = charts.flow_figure(stream, mode=blocks.mode(), gradient="activation_grad")
    blocks.show_figure(
        figure, "flow_stream", _("Distribution of the residual stream and its gradient")
    )
    blocks.explain("stream")


def show_details(experiment: Experiment, report: Report, over: tuple[Overlay, ...] = ()) -> None:
    """Everything else in tabs, of which only the open one is computed."""
    panels: dict[str, Callable[[], None]] = {
        _("Gradient norms"): lambda: _norms(report, over),
        _("Forward signal"): lambda: _forward(report, over),
        _("Cures"): lambda: cures_view.show(experiment, report),
        _("One layer"): lambda: _layer(report),
        _("Table"): lambda: _tables(report),
        _("Export"): lambda: _export(experiment, report),
    }
    tabs = st.tabs(list(panels), key="details", on_change="rerun")
    for tab, show in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                show()


def _norms(report: Report, over: tuple[Overlay, ...]) -> None:
    left, right = st.columns([3, 1])
    chosen = left.segmented_control(
        _("Norms"),
        list(GRADIENTS),
        selection_mode="multi",
        default=list(GRADIENTS),
        key="norm_quantities",
        format_func=lambda code: _(GRADIENTS[code]),
    )
    scale = right.segmented_control(_("Axis"), AXES, default="log", required=True, key="norm_scale")
    figure = charts.gradient_norms_figure(
        report, mode=blocks.mode(), quantities=tuple(chosen), scale=scale, overlays=over
    )
    blocks.show_figure(figure, "norms", _("Gradient norms per layer"))
    blocks.explain("norms")


def _forward(report: Report, over: tuple[Overlay, ...]) -> None:
    chosen = st.segmented_control(
        _("Statistics"),
        list(STATISTICS),
        selection_mode="multi",
        default=SHOWN_STATISTICS,
        key="forward_statistics",
        format_func=lambda code: _(STATISTICS[code]),
    )
    figure = charts.forward_statistics_figure(
        report, mode=blocks.mode(), statistics=tuple(chosen), overlays=over
    )
    blocks.show_figure(figure, "forward", _("Forward statistics per layer"))
    blocks.explain("forward")


def _layer(report: Report) -> None:
    layers = len(report.layers)
    if layers > 1:
        layer = st.slider(
            _("Layer (or click one in the figure above)"),
            1,
            layers,
            key=state.layer_key(layers),
        )
    else:
        layer = 1
    figure = charts.layer_histograms_figure(report, layer, mode=blocks.mode())
    blocks.show_figure(figure, "histograms", _("Histograms of one layer"))
    blocks.explain("histograms")


def _tables(report: Report) -> None:
    which = st.segmented_control(
        _("Rows"),
        ["layers", "signals", "parameters"],
        default="layers",
        required=True,
        key="table",
        format_func=lambda code: {
            "layers": _("Layers"),
            "signals": _("Module outputs"),
            "parameters": _("Parameters"),
        }[code],
    )
    blocks.show_table(getattr(report, which), key=f"table_{which}")
    blocks.explain("tables")


def _export(experiment: Experiment, report: Report) -> None:
    def page() -> str:
        return charts.report_html(report, mode=blocks.mode(), summary=summary(report))

    def script() -> str:
        return gf.to_code(experiment)

    files = (
        (_("Layers, CSV"), lambda: _csv(report, "layers"), "gradflow-layers.csv", "text/csv"),
        (_("Outputs, CSV"), lambda: _csv(report, "signals"), "gradflow-signals.csv", "text/csv"),
        (
            _("Parameters, CSV"), lambda: _csv(report, "parameters"),
            "gradflow-parameters.csv", "text/csv",
        ),
        (_("Report, JSON"), report.to_json, "gradflow-report.json", "application/json"),
        (_("Page, HTML"), page, "gradflow-report.html", "text/html"),
        (_("PyTorch script"), script, "gradflow-network.py", "text/x-python"),
    )  # fmt: skip
    columns = st.columns(3)
    for index, file in enumerate(files):
        with columns[index % 3]:
            blocks.download(*file)
    st.caption(_("The address of this page holds all settings: copy it to share them."))
    st.code(script(), language="python", height=400)


def _csv(report: Report, table: str) -> str:
    return str(getattr(report, table).to_csv(index=False))


def summary(report: Report) -> str:
    """The findings as running text."""
    return " ".join(f"{f.text} {f.cause}".strip() for f in findings(report))
