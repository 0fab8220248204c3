"""The views of the page on normalization."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.normalization import axes, batch, modes, small_batches
from gradflow.ui.normalization.effects import flow, noise, rates, scales, shift
from gradflow.ui.normalization.state import NormalizationView
from gradflow.ui.settings.views import ViewRow
from gradflow.ui.stage import Place

VIEWS: dict[str, ViewRow] = {
    NormalizationView.SHARING: ViewRow(N_("Normalization axes"), axes.show, axes.draw_controls),
    NormalizationView.BATCH: ViewRow(N_("One batch"), batch.show, batch.draw_controls),
    NormalizationView.MODES: ViewRow(
        N_("Training and evaluation"), modes.show, modes.draw_controls, Place.ABOVE
    ),
    NormalizationView.SMALL: ViewRow(
        N_("Small batches"), small_batches.show, small_batches.draw_controls, Place.ABOVE
    ),
    NormalizationView.FLOW: ViewRow(N_("Gradient flow"), flow.show, flow.draw_controls),
    NormalizationView.SCALES: ViewRow(
        N_("Bad initialization"), scales.show, scales.draw_controls, Place.ABOVE
    ),
    NormalizationView.RATES: ViewRow(
        N_("Learning rate"), rates.show, rates.draw_controls, Place.ABOVE, is_long=True
    ),
    NormalizationView.SHIFT: ViewRow(
        N_("Covariate shift"), shift.show, shift.draw_controls, Place.ABOVE
    ),
    NormalizationView.NOISE: ViewRow(
        N_("Noise"), noise.show, noise.draw_controls, Place.ABOVE, is_long=True
    ),
}
