"""Degradation: plain against residual networks of the same depth, before any training."""

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.degradation.state import PAGE
from gradflow.ui.degradation.views import VIEWS
from gradflow.ui.settings.views import show_views
from gradflow.ui.stage import draw_next

PAGE.load()
show_views(PAGE, VIEWS, _("Degradation"))
draw_next(
    {
        paths.RECURRENT: _("Through time: the same idea in LSTM and GRU"),
        paths.TRAINING: _("Training: plain and residual networks as they learn"),
    }
)
