"""Through time: how the gradient comes back through the steps of a recurrent network."""

from gradflow.core.recurrent.settings import TIME_PRESETS
from gradflow.core.text import _
from gradflow.ui.present.steps import list_page_steps
from gradflow.ui.recurrent.state import PAGE
from gradflow.ui.recurrent.view import VIEWS
from gradflow.ui.settings.views import show_views

PAGE.load()
titles = {code: row.title for code, row in VIEWS.items()}
show_views(PAGE, VIEWS, _("Through time"), lambda: list_page_steps(PAGE, titles, TIME_PRESETS))
