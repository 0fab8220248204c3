"""What Explore keeps: the experiment, the chosen layer, what the cures did."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MAX_DEPTH, Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.remedies import Ranking
from gradflow.core.text import _
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.fragments import rerun_fragments
from gradflow.ui.settings.experiments import make_experiment_form, select_settings
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget

INTRO, RESULT, CONTROLS = "explore_intro", "explore_result", "explore_controls"
"""The page's fragments: the introduction, the figure with what follows it, and the toolbar."""


def follow_change(redraw_controls: bool = True) -> None:
    """Let the figures follow a change of settings, and the toolbar if it looks different."""
    rerun_fragments(*((INTRO, RESULT, CONTROLS) if redraw_controls else (RESULT,)))


OPENING = "deep_sigmoid"
"""The preset that the page opens with: a network that cannot learn, to be cured."""
EXPLORE = make_experiment_form(
    "setting",
    make_default=lambda: PRESETS[OPENING].experiment,
    presets={code: preset.experiment for code, preset in PRESETS.items()},
    follow=follow_change,
)
PAGE = Page("explore", {"": EXPLORE})
LOOK: SessionValue[dict[str, Any]] = SessionValue("look", dict)
"""How the figure is looked at: those fields of a ``FlowView`` that were chosen."""
_LOOK_NAMES = ("rows", "gradient", "theory", "seeds", "opened")
DETAILS_BOX, DETAILS = "details_box", "details"
"""The widgets of what is folded below the figure: the fold, and its tabs."""
LAYER: SessionValue[int | None] = SessionValue("layer", lambda: None)
"""The layer whose histograms are shown."""
_ASKED_FOR_CURES: SessionValue[Experiment | None] = SessionValue("asked_for_cures", lambda: None)
_BEFORE_CURE: SessionValue[tuple[Experiment, dict[str, Any]] | None] = SessionValue(
    "before_cure", lambda: None
)
"""The network that a cure was applied to has become, and the settings before."""
_TRIED_CURES: SessionValue[tuple[Experiment, Ranking] | None] = SessionValue("cures", lambda: None)


def find_layer(layers: int) -> int | None:
    """Find the layer that was chosen last, if any, in a network of so many layers."""
    layer = LAYER.get()
    return None if layer is None else max(1, min(layer, layers))


def bind_layer(layers: int) -> dict[str, Any]:
    """Prepare the choice of a layer: the arguments that connect its widget."""
    key = "layer_widget"
    show_in_widget(key, find_layer(layers) or 1)
    return {"key": key, "on_change": lambda: choose_layer(read_widget(key))}


def open_column(choice: int) -> None:
    """Open what a column of the figure stands for: the histograms of a layer, or a folded block.

    Args:
        choice: the number of the layer, or minus that of the block.
    """
    if choice < 0:
        unfold_block(-choice)
        return
    LAYER.set(choice)
    show_in_widget(DETAILS_BOX, True)
    show_in_widget(DETAILS, name_layer_tab())


def unfold_block(number: int) -> None:
    """Show the layers of a folded block; those of none with 0. A browser may send any number."""
    LOOK.set(LOOK.get() | {"opened": min(number, MAX_DEPTH)})


def name_layer_tab() -> str:
    """Name the tab of one layer's histograms."""
    return _("One layer")


def choose_layer(layer: int) -> None:
    """Choose a layer in the callback of a widget; the Flow figure outlines it."""
    LAYER.set(layer)
    rerun_fragments(RESULT)


def take_changes(changes: Mapping[str, Any]) -> None:
    """Take what was changed in the toolbar, in its callback."""
    look = {name: value for name, value in changes.items() if name in _LOOK_NAMES}
    settings = select_settings(EXPLORE, changes)
    with contextlib.suppress(InvalidExperiment):  # nobody can choose it: it was forged
        FlowView(**look)
        LOOK.set(LOOK.get() | look)
    if settings:
        EXPLORE.take(settings)
    else:
        follow_change("rows" in look)


def reset_settings() -> None:
    """Go back to the settings of a new session."""
    EXPLORE.reset()
    follow_change()


def apply_cure(code: object) -> None:
    """Take the settings that a cure made, in a callback; a browser may name anything."""
    experiment, _problem = EXPLORE.read_possible()
    for outcome in find_cures(experiment) or ():
        if outcome.code == code:
            _BEFORE_CURE.set((outcome.experiment, EXPLORE.values))
            EXPLORE.replace(outcome.experiment)
            follow_change()


def undo_cure() -> None:
    """Put the settings back as they were before a cure, if nothing was changed since."""
    before = _BEFORE_CURE.get()
    if before is not None and before[0] == EXPLORE.read_possible()[0]:
        _BEFORE_CURE.set(None)
        EXPLORE.replace_values(before[1])
        follow_change()


def ask_for_cures(experiment: Experiment) -> None:
    """Have the cures of an experiment shown."""
    _ASKED_FOR_CURES.set(experiment)


def is_asked_for_cures(experiment: Experiment) -> bool:
    """Whether somebody wants to see what cures this experiment."""
    return _ASKED_FOR_CURES.get() == experiment


def forget_cures() -> None:
    """Have no cures shown any more."""
    _ASKED_FOR_CURES.set(None)


def keep_cures(experiment: Experiment, ranking: Ranking) -> None:
    """Keep what the cures did for an experiment, in place of an earlier one's."""
    _TRIED_CURES.set((experiment, ranking))


def find_cures(experiment: Experiment) -> Ranking | None:
    """Find what the cures did for this experiment, if they were tried on it last."""
    tried = _TRIED_CURES.get()
    return tried[1] if tried is not None and tried[0] == experiment else None
