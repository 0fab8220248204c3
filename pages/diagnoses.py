"""Diagnoses: what each verdict means, with an example computed on the spot."""

from gradflow.ui.diagnoses.state import PAGE
from gradflow.ui.diagnoses.view import show_verdict
from gradflow.ui.fragments import make_fragment
from gradflow.ui.naming import VERDICT_TITLES
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps

PAGE.load()
draw_steps(lambda: list_page_steps(PAGE, VERDICT_TITLES))
make_fragment(show_verdict)()
