"""The small figures, drawn once for all."""

from __future__ import annotations

from gradflow.charts.flow.thumbnail import thumbnail_svg
from gradflow.charts.theme import Mode
from gradflow.core.experiment import Transformer
from gradflow.core.presets import PRESETS
from gradflow.ui.compute import run
from gradflow.ui.memo import remember


@remember
def draw_thumbnail(preset: str, mode: Mode) -> str:
    """Draw a preset's Flow figure small: of a transformer the stream, with which it opens, too."""
    experiment = PRESETS[preset].experiment
    report = run(experiment)
    if isinstance(experiment.network, Transformer) and report.stream is not None:
        return thumbnail_svg(report.stream, mode=mode, gradient="activation_grad")
    return thumbnail_svg(report, mode=mode)
