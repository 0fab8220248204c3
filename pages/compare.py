"""Compare: two to four settings side by side, on the same data and seed."""

from gradflow.ui.compare.state import load_comparison
from gradflow.ui.compare.view import show_comparison
from gradflow.ui.fragments import make_fragment

load_comparison()
make_fragment(show_comparison)()
