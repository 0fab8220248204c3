"""The player of a film as a component of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.core.text import _
from gradflow.ui.assets import write_shim

_mount = st.components.v2.component(
    "gradflow_player", js=write_shim("player.js"), isolate_styles=False
)


@dataclass(frozen=True)
class FilmRun:
    """A run of a film.

    Attributes:
        letter: ``A`` … ``D``.
        address: where its frames are, seen from the app's root.
        count: of its frames so far.
        is_over: whether no more will come.
        end: what is said of it at its last frame; empty if it ended as planned.
    """

    letter: str
    address: str
    count: int
    is_over: bool
    end: str = ""


def draw_player(
    runs: Sequence[FilmRun],
    *,
    key: str,
    flow: str,
    steps: Sequence[str],
    planned: int,
    seconds: float,
) -> None:
    """Draw a player.

    Args:
        runs: what is played, all on one clock.
        key: its name in the session.
        flow: name of the figure that shows their frames.
        steps: names of figures over the steps, in which the player marks where it is.
        planned: the last step.
        seconds: how long all of it takes at speed 1.
    """
    data: dict[str, Any] = {
        "id": " ".join(run.address for run in runs),
        "runs": [
            {
                "letter": run.letter,
                "address": run.address,
                "count": run.count,
                "isOver": run.is_over,
                "end": run.end,
            }
            for run in runs
        ],
        "isLive": not all(run.is_over for run in runs),
        "planned": planned,
        "seconds": seconds,
        "figures": {"flow": flow, "steps": list(steps)},
        "texts": _write_texts(),
    }
    _mount(key=key, data=data)


def _write_texts() -> dict[str, str]:
    return {
        "film": _("The training as a film"),
        "play": _("Play the film"),
        "pause": _("Hold the film"),
        "back": _("One recorded step back"),
        "on": _("One recorded step on"),
        "scrubber": _("Step shown"),
        "speed": _("Speed of the film"),
        "loop": _("Play it again and again"),
        "place": _("step {step} of {steps}"),
        "step": _("step"),
        "loss": _("loss"),
        "activation": _("activation a"),
        "deviation": _("std"),
        "rms": _("RMS"),
        "zeros": _("exactly 0:"),
        "nonfinite": _("NaN or infinite:"),
    }
