"""Explore: set a network, run one backward pass, see the gradient flow."""

from gradflow.core.presets import PRESET_GROUPS, PRESETS
from gradflow.core.text import _
from gradflow.ui.explore.controls import draw_controls
from gradflow.ui.explore.state import CONTROLS, INTRO, PAGE, RESULT
from gradflow.ui.explore.view import show_result
from gradflow.ui.fragments import make_fragment
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps
from gradflow.ui.stage import Place, draw_spoken_head, make_stage
from gradflow.ui.welcome.cards import draw_intro
from gradflow.ui.welcome.state import open_explore

open_explore()
presets = {code: PRESETS[code] for codes in PRESET_GROUPS.values() for code in codes}
draw_steps(lambda: list_page_steps(PAGE, {}, presets))
draw_spoken_head(_("Explore"))
make_fragment(draw_intro, key=INTRO)()
stage = make_stage(Place.ABOVE)
with stage.picture:
    make_fragment(show_result, key=RESULT)()
with stage.controls:
    # Last, because a browser draws in this order, and the figure shall not wait.
    make_fragment(draw_controls, key=CONTROLS)()
