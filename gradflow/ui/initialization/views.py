"""The views of the page on initialization."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.initialization import copies, gains, layers, shapes, variance
from gradflow.ui.initialization.state import InitializationView
from gradflow.ui.settings.views import ViewRow
from gradflow.ui.stage import Place

VIEWS: dict[str, ViewRow] = {
    InitializationView.LAYERS: ViewRow(
        N_("Ten layers"), layers.show, layers.draw_controls, Place.ABOVE
    ),
    InitializationView.VARIANCE: ViewRow(N_("Why 1/n"), variance.show, variance.draw_controls),
    InitializationView.COPIES: ViewRow(
        N_("Zeros and constants"), copies.show, copies.draw_controls, Place.ABOVE
    ),
    InitializationView.SHAPES: ViewRow(
        N_("Normal or uniform"), shapes.show, shapes.draw_controls, Place.ABOVE
    ),
    InitializationView.GAINS: ViewRow(N_("Gains"), gains.show, gains.draw_controls, Place.ABOVE),
}
