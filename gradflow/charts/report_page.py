"""A report as one HTML file that needs nothing else: no network, no server."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from gradflow.charts.flow.figure import flow_figure
from gradflow.charts.forward import forward_statistics_figure
from gradflow.charts.norms import gradient_norms_figure
from gradflow.charts.theme import FONT, PALETTES, Mode, escape
from gradflow.core.numbers import format_count, format_number
from gradflow.core.report import Report
from gradflow.core.text import LANGUAGE, _

HOVER_SCRIPT = Path(__file__).with_name("hover.js")
"""How a browser writes the numbers of a figure that Plotly writes by itself."""


def report_html(report: Report, *, summary: str = "", mode: Mode = "light") -> str:
    """Write the whole report as a self-contained page.

    Title, ``summary`` (a sentence in plain text), headline numbers, the settings, the Flow
    figure, the figure of the residual stream if there is one, gradient norms, forward statistics
    and the table of layers. Plotly's script is inlined once (about 5 MB). All texts that come with
    the report are escaped.
    """
    title = escape(report.title or _("Gradient flow"))
    figures = [
        (_("Signal and gradient through the network"), flow_figure(report, mode=mode)),
        *_draw_stream(report, mode),
        (_("Gradient norms"), gradient_norms_figure(report, mode=mode)),
        (_("Forward statistics"), forward_statistics_figure(report, mode=mode)),
    ]
    body = [f"<h1>{title}</h1>"]
    if summary:
        body.append(f'<p class="summary">{escape(summary)}</p>')
    body.append(_write_metrics(report))
    body += [f"<h2>{escape(name)}</h2>\n{_embed_figure(figure)}" for name, figure in figures]
    settings = list(_flatten(report.experiment or {}))
    if settings:
        body.append(f"<h2>{escape(_('Settings'))}</h2>\n{_write_table([], settings)}")
    if not report.layers.empty:
        head, rows = format_layers(report)
        body.append(f"<h2>{escape(_('Layers'))}</h2>\n{_write_table(head, rows)}")
    return _write_page(title, body, mode)


def figure_html(figure: go.Figure, *, title: str, mode: Mode = "light") -> str:
    """Write one figure as a self-contained page."""
    title = escape(title)
    return _write_page(title, [f"<h1>{title}</h1>", _embed_figure(figure)], mode)


def _write_page(title: str, body: Sequence[str], mode: Mode) -> str:
    return _PAGE.format(
        language=LANGUAGE.get(),
        title=title,
        style=_write_style(mode),
        script=get_plotlyjs(),
        hover=HOVER_SCRIPT.read_text(encoding="utf-8"),
        body="\n".join(body),
    )


def _draw_stream(report: Report, mode: Mode) -> Iterator[tuple[str, go.Figure]]:
    if report.stream is not None:
        figure = flow_figure(report.stream, mode=mode, gradient="activation_grad")
        yield _("Residual stream"), figure


def format_layers(report: Report) -> tuple[list[str], list[list[str]]]:
    """Format ``report.layers`` as head and rows: numbers to three digits, NaN as a dash."""
    head = [str(name).replace("_", " ") for name in report.layers.columns]
    rows = report.layers.itertuples(index=False, name=None)
    return head, [[_format_cell(value) for value in row] for row in rows]


def _format_cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else format_number(value)
    return str(value)


def _write_metrics(report: Report) -> str:
    metrics = {
        _("Loss"): format_number(report.loss, 4),
        _("Parameters"): format_count(report.parameter_count),
        _("Device"): report.device,
        _("Number format"): report.dtype,
        _("Time"): f"{format_number(1000 * report.seconds)} ms",
    }
    items = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in metrics.items()
    )
    return f"<dl>{''.join(items)}</dl>"


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    for name, value in settings.items():
        label = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{label}.")
        elif isinstance(value, (list, tuple)):
            yield [label, ", ".join(map(str, value))]
        else:
            yield [label, str(value)]


def _write_table(head: list[str], rows: list[list[str]]) -> str:
    parts = ['<div class="wide"><table>']
    if head:
        parts.append("<thead><tr>")
        parts += [f"<th>{escape(name)}</th>" for name in head]
        parts.append("</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        parts.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    parts.append("</tbody></table></div>")
    return "\n".join(parts)


def _embed_figure(figure: go.Figure) -> str:
    config = {"responsive": True, "displaylogo": False}
    html = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
    return f"<figure>{html}</figure>"


def _write_style(mode: Mode) -> str:
    palette = PALETTES[mode]
    return f"""
:root {{ color-scheme: {mode}; }}
body {{ font: 16px/1.5 {FONT}; color: {palette.ink}; background: {palette.page};
  max-width: 1200px; margin: 0 auto; padding: 24px; }}
h1 {{ font-size: 28px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }}
h2 {{ font-size: 20px; margin: 36px 0 8px; }}
.summary {{ font-size: 18px; margin: 0 0 16px; }}
dl {{ display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 16px 0; }}
dt {{ color: {palette.muted}; }}
dd {{ margin: 0; font-size: 22px; }}
figure {{ margin: 0; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; vertical-align: bottom; color: {palette.muted}; font-weight: 600; }}
th, td {{ padding: 4px 16px 4px 0; border-bottom: 1px solid {palette.grid}; }}
td {{ white-space: nowrap; }}
@media print {{ h2, figure {{ break-inside: avoid; break-after: avoid; }} }}
"""


_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<script>{script}</script>
</head>
<body>
{body}
<script type="module">
{hover}
for (const plot of document.querySelectorAll(".js-plotly-plot")) {{
  writeNumbersOurWay(plot);
  writeOutPowers(plot);
  plot.on("plotly_afterplot", () => writeTicksOurWay(plot));
  Plotly.redraw(plot);
}}
</script>
</body>
</html>
"""
