"""Lessons: a path through the subject; the learner predicts, then sees the run."""

from gradflow.ui.fragments import make_fragment
from gradflow.ui.learn.state import PAGE
from gradflow.ui.learn.view import show_lesson

PAGE.load()
make_fragment(show_lesson)()
