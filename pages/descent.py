"""Descent on a surface: several optimizers from one start, animated, every step in numbers."""

from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.descent.state import PAGE
from gradflow.ui.descent.view import show_descent
from gradflow.ui.fragments import make_fragment
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps
from gradflow.ui.stage import draw_next

PAGE.load()
draw_steps(lambda: list_page_steps(PAGE, {}, PRESETS))
make_fragment(show_descent)()
draw_next(
    {
        paths.TRAINING: _("Training: the same optimizers on a network"),
        paths.NORMALIZATION: _("Normalization: why larger steps still train"),
    }
)
