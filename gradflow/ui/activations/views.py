"""The views of the page on activation functions."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.activations import dying, functions, gaussian, hyperbolic, layers
from gradflow.ui.activations.state import ActivationsView
from gradflow.ui.settings.views import ViewRow
from gradflow.ui.stage import Place

VIEWS: dict[str, ViewRow] = {
    ActivationsView.FUNCTIONS: ViewRow(
        N_("Functions and slopes"), functions.show, functions.draw_controls
    ),
    ActivationsView.LAYERS: ViewRow(
        N_("Over many layers"), layers.show, layers.draw_controls, Place.ABOVE
    ),
    ActivationsView.DYING: ViewRow(N_("Dying ReLU"), dying.show, dying.draw_controls, Place.ABOVE),
    ActivationsView.GAUSSIAN: ViewRow(
        N_("A Gaussian through φ"), gaussian.show, gaussian.draw_controls, Place.ABOVE
    ),
    ActivationsView.HYPERBOLIC: ViewRow(
        N_("sinh and sin"), hyperbolic.show, hyperbolic.draw_controls, Place.ABOVE
    ),
}
