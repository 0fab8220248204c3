"""The views of the page on degradation, and the claim that they examine."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.degradation import depth, identity, shattering
from gradflow.ui.degradation.state import DegradationView
from gradflow.ui.settings.views import ViewRow

CLAIM = N_(
    "More layers can make a network **worse on the data it is trained on**, although its gradient "
    "does not vanish. Shortcuts mend that. What do they change?"
)
VIEWS: dict[str, ViewRow] = {
    DegradationView.DEPTH: ViewRow(N_("Gradient against depth"), depth.show),
    DegradationView.SHATTERING: ViewRow(N_("Shattered gradients"), shattering.show),
    DegradationView.IDENTITY: ViewRow(N_("Near the identity"), identity.show),
}
