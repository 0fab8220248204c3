"""Compare: two to four settings side by side, on the same data and seed."""

from gradflow.ui.compare.state import load_comparison
from gradflow.ui.compare.steps import list_comparisons
from gradflow.ui.compare.view import show_comparison
from gradflow.ui.fragments import make_fragment
from gradflow.ui.present.present import draw_steps

load_comparison()
draw_steps(list_comparisons)
make_fragment(show_comparison)()
