"""Lessons: a path through the subject; the learner predicts, then sees the run."""

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.fragments import make_fragment
from gradflow.ui.learn.state import PAGE
from gradflow.ui.learn.view import show_lesson
from gradflow.ui.stage import draw_next

PAGE.load()
make_fragment(show_lesson)()
draw_next(
    {
        paths.EXPLORE: _("Explore: a network of your own"),
        paths.BACKPROP: _("Backpropagation: the chain rule with numbers"),
        paths.DIAGNOSES: _("Diagnoses: what can be wrong"),
    }
)
