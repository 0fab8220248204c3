"""Degradation: plain against residual networks of the same depth, before any training."""

from gradflow.core.text import _
from gradflow.ui.degradation.state import PAGE
from gradflow.ui.degradation.views import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
show_views(PAGE, VIEWS, _("Degradation"))
