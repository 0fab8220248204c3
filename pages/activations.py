"""Activation functions: curves and facts, slopes over layers, dying ReLU, Gaussians, sinh."""

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.activations.state import PAGE
from gradflow.ui.activations.views import VIEWS
from gradflow.ui.settings.views import show_views
from gradflow.ui.stage import draw_next

PAGE.load()
show_views(PAGE, VIEWS, _("Activation functions"))
draw_next(
    {
        paths.NORMALIZATION: _("Normalization: keep z where the slope is"),
        paths.DIAGNOSES: _("Diagnoses: vanishing, dead and saturated units"),
        paths.EXPLORE: _("Explore: put them into a network"),
    }
)
