"""Through time: how the gradient comes back through the steps of a recurrent network."""

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.recurrent.state import PAGE
from gradflow.ui.recurrent.view import VIEWS
from gradflow.ui.settings.views import show_views
from gradflow.ui.stage import draw_next

PAGE.load()
show_views(PAGE, VIEWS, _("Through time"))
draw_next(
    {
        paths.DEGRADATION: _("Degradation: shortcuts over layers instead of steps"),
        paths.DIAGNOSES: _("Diagnoses: vanishing and exploding gradients"),
    }
)
