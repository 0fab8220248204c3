"""Pretraining: a stack trained layer by layer, what it does for fine-tuning, reuse of layers."""

from gradflow.ui.pretraining.state import PAGE
from gradflow.ui.pretraining.view import show_view

PAGE.load()
show_view()  # no fragment: a click on Stop ends a run of the whole page, and would wait for one
