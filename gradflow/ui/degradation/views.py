"""The views of the page on degradation."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.degradation import deeper, depth, identity, shattering
from gradflow.ui.degradation.state import DegradationView
from gradflow.ui.settings.views import ViewRow
from gradflow.ui.stage import Place

VIEWS: dict[str, ViewRow] = {
    DegradationView.DEEPER: ViewRow(
        N_("Deeper is worse"), deeper.show, deeper.draw_controls, Place.ABOVE, is_long=True
    ),
    DegradationView.DEPTH: ViewRow(
        N_("Gradient against depth"), depth.show, depth.draw_controls, is_long=True
    ),
    DegradationView.SHATTERING: ViewRow(
        N_("Shattered gradients"), shattering.show, shattering.draw_controls, Place.ABOVE
    ),
    DegradationView.IDENTITY: ViewRow(
        N_("Near the identity"), identity.show, identity.draw_controls
    ),
}
