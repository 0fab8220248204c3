"""Through time: how the gradient comes back through the steps of a recurrent network."""

from gradflow.core.text import _
from gradflow.ui.recurrent.state import PAGE
from gradflow.ui.recurrent.view import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
show_views(PAGE, VIEWS, _("Through time"))
