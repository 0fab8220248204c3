"""Diagnoses: what each verdict means, with an example computed on the spot."""

from gradflow.ui.diagnoses.state import PAGE
from gradflow.ui.diagnoses.view import show_verdict
from gradflow.ui.fragments import make_fragment

PAGE.load()
make_fragment(show_verdict)()
