"""Normalization: its axes, one batch, both modes, small batches, the gradient's flow."""

from gradflow.core.text import _
from gradflow.ui.normalization.state import PAGE
from gradflow.ui.normalization.views import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
show_views(PAGE, VIEWS, _("Normalization"))
