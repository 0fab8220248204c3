"""Initialization: laws of the weights, why their variances, copies, gains, shapes."""

from gradflow.core.teaching.initialization.presets import LAYER_PRESETS
from gradflow.core.text import _
from gradflow.ui.initialization.state import PAGE
from gradflow.ui.initialization.views import VIEWS
from gradflow.ui.present.steps import list_page_steps
from gradflow.ui.settings.views import show_views

PAGE.load()
show_views(
    PAGE,
    VIEWS,
    _("Initialization"),
    lambda: list_page_steps(
        PAGE, {code: view.title for code, view in VIEWS.items()}, LAYER_PRESETS
    ),
)
