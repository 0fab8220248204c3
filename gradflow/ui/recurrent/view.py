"""The views of the page on recurrent networks: which functions draw which."""

from __future__ import annotations

from gradflow.core.text import N_
from gradflow.ui.recurrent import controls
from gradflow.ui.recurrent.cells import show_cells
from gradflow.ui.recurrent.clipping import show_clipping
from gradflow.ui.recurrent.factors import show_factors
from gradflow.ui.recurrent.gates import show_gates
from gradflow.ui.recurrent.state import RecurrentView
from gradflow.ui.recurrent.through_time import draw_look, show_pass
from gradflow.ui.recurrent.training import show_short_training
from gradflow.ui.settings.views import ViewRow

VIEWS: dict[str, ViewRow] = {
    RecurrentView.TIME: ViewRow(
        N_("Through time"), show_pass, lambda: controls.draw_pass(draw_look)
    ),
    RecurrentView.GATES: ViewRow(
        N_("Gates"), show_gates, lambda: controls.draw_pass(controls.draw_layer)
    ),
    RecurrentView.CELLS: ViewRow(N_("Cells side by side"), show_cells, controls.draw_any_cell),
    RecurrentView.FACTORS: ViewRow(
        N_("One idea: a factor of one"), show_factors, controls.draw_factors
    ),
    RecurrentView.CLIPPING: ViewRow(
        N_("Clipping"), show_clipping, lambda: controls.draw_pass(controls.draw_thresholds)
    ),
    RecurrentView.TRAINING: ViewRow(
        N_("Training"), show_short_training, controls.draw_training, is_long=True
    ),
}
