"""The views of the page on recurrent networks: which functions draw which."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.recurrent import controls
from gradflow.ui.recurrent.cells import show_cells
from gradflow.ui.recurrent.clipping import show_clipping
from gradflow.ui.recurrent.factors import show_factors
from gradflow.ui.recurrent.gates import show_gates
from gradflow.ui.recurrent.state import FACTORS, PASS, TRAINING, RecurrentView
from gradflow.ui.recurrent.through_time import show_pass
from gradflow.ui.recurrent.training import show_short_training
from gradflow.ui.settings.views import ViewRow

QUESTION = N_(
    "A recurrent network uses the same weights at every time step. On its way back the gradient "
    "meets them again and again: what does one step leave of it, and what after a hundred?"
)
VIEWS: dict[str, ViewRow] = {
    RecurrentView.TIME: ViewRow(
        N_("Through time"), lambda: show_pass(PASS.read()), controls.draw_pass
    ),
    RecurrentView.GATES: ViewRow(N_("Gates"), lambda: show_gates(PASS.read()), controls.draw_pass),
    RecurrentView.CELLS: ViewRow(
        N_("Cells side by side"), lambda: show_cells(PASS.read()), controls.draw_any_cell
    ),
    RecurrentView.FACTORS: ViewRow(
        N_("One idea: a factor of one"),
        lambda: show_factors(FACTORS.read()),
        controls.draw_factors,
    ),
    RecurrentView.CLIPPING: ViewRow(
        N_("Clipping"), lambda: show_clipping(PASS.read()), controls.draw_pass
    ),
    RecurrentView.TRAINING: ViewRow(
        N_("Training"),
        lambda: show_short_training(TRAINING.read()),
        controls.draw_training,
        is_long=True,
    ),
}
