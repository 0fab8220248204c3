"""Descent on a surface: several optimizers from one start, animated, every step in numbers."""

from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.ui.descent.state import PAGE
from gradflow.ui.descent.view import show_descent
from gradflow.ui.fragments import make_fragment
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps

PAGE.load()
draw_steps(lambda: list_page_steps(PAGE, {}, PRESETS))
make_fragment(show_descent)()
