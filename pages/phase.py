"""Phase diagrams: a measure of hundreds of networks over two settings."""

from gradflow.core.sweep.phase_presets import PHASE_PRESETS
from gradflow.core.text import _
from gradflow.ui.fragments import make_fragment
from gradflow.ui.phase.state import PAGE
from gradflow.ui.phase.view import show_page
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps

PAGE.load()
draw_steps(lambda: list_page_steps(PAGE, {"": _("Phase diagrams")}, PHASE_PRESETS))
make_fragment(show_page)()
