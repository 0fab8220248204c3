"""Descent on a surface: several optimizers from one start, animated, every step in numbers."""

from gradflow.ui.descent.state import PAGE
from gradflow.ui.descent.view import show_descent
from gradflow.ui.fragments import make_fragment

PAGE.load()
make_fragment(show_descent)()
