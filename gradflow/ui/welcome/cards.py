"""Networks to start from: six cards with small real Flow figures, and the names of all presets."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.presets import PRESET_GROUPS, PRESETS
from gradflow.core.text import N_, _
from gradflow.ui import paths
from gradflow.ui.assets import write_shim
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.state import read_widget
from gradflow.ui.welcome import route
from gradflow.ui.welcome.state import close_intro, shows_intro
from gradflow.ui.welcome.tour import write_tour

CARDS: dict[str, tuple[str, str]] = {
    "deep_sigmoid": (
        N_("Vanishing"),
        N_("This 24-layer network cannot learn. See why, and cure it."),
    ),
    "deep_relu_large": (N_("Exploding"), N_("Here the gradient grows in every layer.")),
    "narrow_relu": (N_("Dead"), N_("Here one layer is dead, and nothing gets past it.")),
    "float16_overflow": (N_("Overflow"), N_("Here the numbers outgrow their format.")),
    "conv_residual": (N_("ResNet"), N_("Deep and healthy: shortcuts carry the gradient.")),
    "transformer_pre_norm": (N_("Transformer"), N_("Deep and healthy: the stream stays level.")),
}
"""Presets that show what can happen: what each shows in one word, and in a sentence."""

_mount = st.components.v2.component(
    "gradflow_cards", js=write_shim("cards.js"), isolate_styles=False
)


def draw_intro() -> None:
    """Draw what a first visitor sees above Explore: what this is, six networks, the tour."""
    if not shows_intro():
        return
    more = {"line": _write_line(), "close": _("Close the introduction"), "start": _("Lessons")}
    if _draw("intro", more).get("lessons"):
        st.switch_page(paths.LEARN)


def draw_start() -> None:
    """Draw everything to start from: the cards, and all presets by name."""
    code = EXPLORE.preset
    _draw(
        "start",
        {
            "line": _("Look for: ") + _(PRESETS[code].look_for) if code else "",
            "groups": [
                {"title": _(title), "presets": [_describe(code) for code in codes]}
                for title, codes in PRESET_GROUPS.items()
            ],
        },
    )


def _draw(name: str, more: dict[str, Any]) -> Any:
    """Draw the cards; return what was pressed, if this run is the answer to it."""
    key = f"welcome_{name}"
    data = {
        "cards": [
            {**_describe(code), "label": _(label), "picture": f"gf/{route.ROUTE}?preset={code}"}
            for code, (label, _line) in CARDS.items()
        ],
        "title": _("Networks to start from"),
        "chosen": EXPLORE.preset,
        "tour": write_tour(),
        **more,
    }
    return _mount(
        key=key,
        data=data,
        on_preset_change=lambda: _take_preset(key),
        on_close_change=close_intro,
        on_lessons_change=lambda: None,  # the run itself is the answer
    )


def _describe(code: str) -> dict[str, str]:
    preset = PRESETS[code]
    return {"code": code, "label": _(preset.label), "look": _(preset.look_for)}


def _write_line() -> str:
    """Write what there is to see in the network that is set, if it is one of the cards."""
    code = EXPLORE.preset
    if code in CARDS:
        return _(CARDS[code][1])
    return _("Change anything, or start from one of these.")


def _take_preset(key: str) -> None:
    code = (read_widget(key) or {}).get("preset")
    if isinstance(code, str) and code in PRESETS:  # what a browser sends may be anything
        EXPLORE.take_preset(code)
