"""Diagnoses: what each verdict means, with an example computed on the spot."""

from gradflow.core.text import _
from gradflow.ui import paths
from gradflow.ui.diagnoses.state import PAGE
from gradflow.ui.diagnoses.view import show_verdict
from gradflow.ui.fragments import make_fragment
from gradflow.ui.stage import draw_next

PAGE.load()
make_fragment(show_verdict)()
draw_next(
    {
        paths.BACKPROP: _("Backpropagation: where the factors come from"),
        paths.COMPARE: _("Compare: a network and its cure, side by side"),
    }
)
