"""Backpropagation step by step: the product of factors, and the four equations with numbers."""

from gradflow.core.text import _
from gradflow.ui.backprop.state import PAGE
from gradflow.ui.backprop.steps import list_backprop_steps
from gradflow.ui.backprop.view import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
show_views(PAGE, VIEWS, _("Backpropagation"), list_backprop_steps)
