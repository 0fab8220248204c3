"""The words of the tour; ``tour.js`` takes readers through it."""

from __future__ import annotations

from dataclasses import dataclass

from gradflow.core.text import N_, _


@dataclass(frozen=True)
class Step:
    """A step of the tour.

    Attributes:
        places: CSS selectors of what it points at; the first that is on the page counts.
        title: of the box.
        text: what it says.
    """

    places: tuple[str, ...]
    title: str
    text: str


_CURES = "[data-action=cures]"
STEPS = (
    Step(
        (".st-key-figure_flow .gf-plot",),
        N_("Two rivers"),
        N_(
            "Blue is the signal, flowing forward from the input to the loss. Orange is the "
            "gradient, flowing back. Each column is a layer and shows where its values lie; the "
            "line is their typical size. A healthy river stays level."
        ),
    ),
    Step(
        (".st-key-figure_flow .gf-line",),
        N_("The verdict"),
        N_(
            "What happened, in one line: by how much each layer changes the gradient, and how much "
            "of it reaches layer 1. Without a gradient, a layer does not learn."
        ),
    ),
    Step(
        (_CURES,),
        N_("Try the cures"),
        N_(
            "Every cure that fits this network is run on the same data, and all are ranked by how "
            "level the gradient becomes. Try them now; the tour waits here."
        ),
    ),
    Step(
        (".gf-cure", _CURES),
        N_("Apply one"),
        N_(
            "Once the cures were tried, each has a panel here: rest on it to see its gradient over "
            "the figure, press it to apply it. Undo puts everything back."
        ),
    ),
    Step(
        (".st-key-train_network button",),
        N_("Train both"),
        N_(
            "A level gradient is a promise. Train the network before and after the cure, and see "
            "which one learns."
        ),
    ),
)


def write_tour() -> dict[str, object]:
    """Write the tour for the browser, in the reader's language."""
    return {
        "steps": [
            {
                "places": step.places,
                "count": _("Step {number} of {all}").format(number=number, all=len(STEPS)),
                "title": _(step.title),
                "text": _(step.text),
            }
            for number, step in enumerate(STEPS, start=1)
        ],
        "words": {
            "start": _("Take the tour"),
            "resume": _("Go on with the tour"),
            "back": _("Back"),
            "next": _("Next"),
            "done": _("Done"),
            "leave": _("Leave the tour"),
        },
    }
