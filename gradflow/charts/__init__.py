"""Charts: reports in, Plotly figures out. No torch and no streamlit here."""

from gradflow.charts.compare.flow import compare_flow_figure
from gradflow.charts.compare.lines import compare_forward_figure, compare_gradients_figure
from gradflow.charts.coordinates import coordinate_figure
from gradflow.charts.figure import empty_figure
from gradflow.charts.flow.figure import flow_figure
from gradflow.charts.forward import forward_statistics_figure
from gradflow.charts.histograms import layer_histograms_figure
from gradflow.charts.norms import gradient_norms_figure
from gradflow.charts.remedies import remedies_figure
from gradflow.charts.report_page import report_html
from gradflow.charts.theme import Mode
from gradflow.charts.training.timeline import timeline_figure

__all__ = [
    "Mode",
    "compare_flow_figure",
    "compare_forward_figure",
    "compare_gradients_figure",
    "coordinate_figure",
    "empty_figure",
    "flow_figure",
    "forward_statistics_figure",
    "gradient_norms_figure",
    "layer_histograms_figure",
    "remedies_figure",
    "report_html",
    "timeline_figure",
]
