"""The small figures, drawn once for all."""

from __future__ import annotations

from gradflow.charts.flow.thumbnail import thumbnail_svg
from gradflow.charts.theme import Mode
from gradflow.core.experiment import Experiment, Transformer
from gradflow.ui.compute import run
from gradflow.ui.memo import remember


@remember
def draw_thumbnail(experiment: Experiment, mode: Mode) -> str:
    """Draw a Flow figure small: of a transformer the stream, with which Explore opens, too."""
    report = run(experiment)
    if isinstance(experiment.network, Transformer) and report.stream is not None:
        return thumbnail_svg(report.stream, mode=mode, gradient="activation_grad")
    return thumbnail_svg(report, mode=mode)
