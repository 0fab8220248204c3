"""Figures of Explore as browsers get them, remembered for all who look at the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode

from gradflow import charts
from gradflow.charts.flow.columns import Order
from gradflow.charts.flow.data import Gradient
from gradflow.charts.forward import Statistic
from gradflow.charts.overlay import Overlay
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.teaching.initialization.factors import measure_factors
from gradflow.core.text import _, read_in
from gradflow.core.verdict import Finding
from gradflow.ui.explore.flow import FlowView, write_address
from gradflow.ui.explore.hands import describe_hands, write_scale
from gradflow.ui.explore.layer import write_layer
from gradflow.ui.explore.overlays import make_overlays, make_stream_overlays
from gradflow.ui.explore.subject import Subject, find_report, judge_subject, write_subject
from gradflow.ui.explore.units import describe_units, summarize_units
from gradflow.ui.figures.graph import PackedFigure, pack_figure
from gradflow.ui.memo import remember
from gradflow.ui.naming import VERDICT_TITLES


@remember
def pack_flow(subject: Subject, view: FlowView) -> PackedFigure:
    """Pack the Flow figure; the page and the route below ``gf/`` both send this.

    Raises:
        GradflowError: the subject cannot be run or is gone, or the seeds take too much arithmetic.
    """
    report, experiment = find_report(subject), find_experiment(subject)
    findings = sorted(judge_subject(subject), key=lambda finding: finding.verdict != view.lead)
    rows, order = find_shown_rows(report, view), find_order(view)
    in_order = order == "layer"  # else columns are no steps of a pass
    has_layers = rows is report and in_order
    with read_in(view.language):
        if rows is report:
            alt = _("Distribution of activations and gradients, layer by layer")
            alt = ". ".join(filter(None, (alt, summarize_units(report))))
            figure = charts.flow_figure(
                report,
                mode=view.mode,
                gradient=view.gradient,
                over=_make_overlays(subject, view),
                selected=min(view.selected, len(report.get_table("layers"))) or None,
                factors=measure_factors(experiment, report)
                if view.factors and experiment is not None
                else None,
                order=order,
                opened=view.opened,
            )
        else:
            alt = _("Distribution of the residual stream and its gradient")
            figure = charts.flow_figure(
                rows,
                mode=view.mode,
                gradient="activation_grad",
                over=_make_overlays(subject, view),
            )
        return pack_figure(
            figure,
            "flow",
            f"{alt}. {findings[0].text}",
            view.mode,
            selectable=rows is report,
            live={
                "address": write_address(subject, view),
                "setting": urlencode(write_subject(subject)),
                "word": _name_verdict(findings[0]),
                "headline": findings[0].headline,
                "severity": str(findings[0].severity),
                "loss": _("loss {loss}").format(loss=format_number(report.loss)),
                "findings": _describe_findings(findings, rows is report),
                "pulse": _("Play") if in_order else "",
                "cures": "" if experiment is None else _("Try cures"),
                "trying": _("Trying cures …"),
                "undo": _("Undo"),
                "before": _("before"),
                "dive": _name_dive() if has_layers else None,
                "hands": describe_hands(experiment, report, view)
                if in_order and experiment is not None
                else None,
                "units": describe_units(report) if has_layers else None,
            },
        )


def _name_dive() -> dict[str, str]:
    return {
        "close": _("Close"),
        "failed": _("No answer: the server is busy, or not reached. Choose the layer again."),
        "back": _("The layer before"),
        "on": _("The next layer"),
        "measured": _("measured"),
        "theory": _("theory"),
    }


def _name_verdict(finding: Finding) -> str:
    return _(VERDICT_TITLES[finding.verdict]) if finding.verdict else ""


def _name_lesson(finding: Finding) -> str:
    name = _name_verdict(finding)
    return _("Learn why: {verdict}").format(verdict=name) if name else ""


def _describe_findings(findings: Sequence[Finding], has_layers: bool) -> list[dict[str, Any]]:
    """Describe what each button of the figure's line unfolds: why, and what else."""
    chips = [_("Why?")]
    others = [_name_verdict(finding).lower() or _("a remark") for finding in findings[1:]]
    chips += [_("also: {what}").format(what=other) for other in others]
    return [
        {
            "chip": chip,
            "text": finding.text,
            "cause": finding.cause,
            "verdict": str(finding.verdict or ""),
            "lesson": _name_lesson(finding),
            "layer": finding.layer if has_layers else None,
            "open": _("Open layer {number}").format(number=finding.layer or ""),
        }
        for chip, finding in zip(chips, findings, strict=True)
    ]


@remember
def pack_layer(subject: Subject, view: FlowView, layer: int) -> bytes:
    """Pack one layer for the route below ``gf/``."""
    return write_layer(subject, view, layer)


@remember
def pack_scale(experiment: Experiment, view: FlowView, log_factor: float) -> bytes:
    """Pack the scale of the weights that a hand on the figure asks for."""
    return write_scale(experiment, view, log_factor)


@remember
def pack_norms(
    subject: Subject,
    view: FlowView,
    quantities: tuple[Gradient, ...],
    scale: Literal["log", "linear"],
) -> PackedFigure:
    """Pack the figure of gradient norms; of a view, only what both figures share counts."""
    report = find_report(subject)
    with read_in(view.language):
        figure = charts.gradient_norms_figure(
            find_shown_rows(report, view),
            mode=view.mode,
            quantities=quantities,
            scale=scale,
            overlays=_make_overlays(subject, view),
        )
        return pack_figure(figure, "norms", _("Gradient norms per layer"), view.mode)


@remember
def pack_forward(
    subject: Subject, view: FlowView, statistics: tuple[Statistic, ...]
) -> PackedFigure:
    """Pack the figure of forward statistics; of a view, only what both figures share counts."""
    report = find_report(subject)
    with read_in(view.language):
        figure = charts.forward_statistics_figure(
            find_shown_rows(report, view),
            mode=view.mode,
            statistics=statistics,
            overlays=_make_overlays(subject, view),
        )
        return pack_figure(figure, "forward", _("Forward statistics per layer"), view.mode)


def find_shown_rows(report: Report, view: FlowView) -> Report:
    """Find the report whose rows the columns of the figure are: layers, or blocks of a stream."""
    return report.stream if view.rows == "block" and report.stream is not None else report


def find_experiment(subject: Subject) -> Experiment | None:
    """Find the experiment that is shown; ``None`` of a report that was brought."""
    return subject if isinstance(subject, Experiment) else None


def find_order(view: FlowView) -> Order:
    """Find the order of the figure's columns; a stream has its own."""
    return "layer" if view.rows == "block" else view.rows


def _make_overlays(subject: Subject, view: FlowView) -> tuple[Overlay, ...]:
    """Make the overlays on the layers, or on the residual stream, which other seeds have not."""
    experiment = find_experiment(subject)
    if experiment is None:
        return ()  # nothing is known of it but what was measured
    if view.rows == "block":
        return make_stream_overlays(experiment, theory=view.theory)
    return make_overlays(experiment, theory=view.theory, seeds=view.seeds)
