"""Pretraining: a stack trained layer by layer, what it does for fine-tuning, reuse of layers."""

from gradflow.core.pretraining.presets import PRETRAINING_PRESETS
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps
from gradflow.ui.pretraining.state import PAGE
from gradflow.ui.pretraining.view import TITLES, show_view

PAGE.load()
draw_steps(lambda: list_page_steps(PAGE, TITLES, PRETRAINING_PRESETS))
show_view()  # no fragment: a click on Stop ends a run of the whole page, and would wait for one
