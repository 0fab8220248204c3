"""Normalization: its axes, one batch, both modes, small batches, the gradient's flow."""

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.normalization.state import PAGE
from gradflow.ui.normalization.views import VIEWS
from gradflow.ui.settings.views import show_views
from gradflow.ui.stage import draw_next

PAGE.load()
show_views(PAGE, VIEWS, _("Normalization"))
draw_next(
    {
        paths.DEGRADATION: _("Degradation: what shortcuts change"),
        paths.COMPARE: _("Compare: with and without, side by side"),
    }
)
