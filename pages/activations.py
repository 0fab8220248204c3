"""Activation functions: curves and facts, slopes over layers, dying ReLU, Gaussians, sinh."""

from gradflow.core.text import _
from gradflow.ui.activations.state import PAGE
from gradflow.ui.activations.views import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
show_views(PAGE, VIEWS, _("Activation functions"))
