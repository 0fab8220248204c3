"""The views of the page on normalization."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.normalization import axes, batch, modes, small_batches
from gradflow.ui.normalization.effects import flow, rates, scales
from gradflow.ui.normalization.state import NormalizationView
from gradflow.ui.settings.views import ViewRow

VIEWS: dict[str, ViewRow] = {
    NormalizationView.SHARING: ViewRow(N_("Normalization axes"), axes.show),
    NormalizationView.BATCH: ViewRow(N_("One batch"), batch.show),
    NormalizationView.MODES: ViewRow(N_("Training and evaluation"), modes.show),
    NormalizationView.SMALL: ViewRow(N_("Small batches"), small_batches.show),
    NormalizationView.FLOW: ViewRow(N_("Gradient flow"), flow.show),
    NormalizationView.SCALES: ViewRow(N_("Bad initialization"), scales.show),
    NormalizationView.RATES: ViewRow(N_("Learning rate"), rates.show),
}
