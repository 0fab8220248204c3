"""What a presentation of the page goes through: chains to start from, or a pass step by step."""

from __future__ import annotations

from dataclasses import replace

from gradflow.core.teaching.perceptron_steps import list_steps
from gradflow.core.text import _
from gradflow.ui.backprop.examples import EXAMPLES
from gradflow.ui.backprop.network import TITLES
from gradflow.ui.backprop.state import CHAIN, NETWORK, PAGE, Part
from gradflow.ui.present.steps import StepList, make_step


def list_backprop_steps() -> StepList:
    """List the steps of the part that is shown."""
    return _list_chains() if PAGE.view == Part.CHAIN else _list_network_steps()


def _list_chains() -> StepList:
    steps = [
        make_step(PAGE, Part.CHAIN, CHAIN.presets[code], _(example.label))
        for code, example in EXAMPLES.items()
    ]
    return StepList(steps, list(EXAMPLES).index(CHAIN.preset) if CHAIN.preset else None)


def _list_network_steps() -> StepList:
    shown, _problem = NETWORK.read_possible()
    steps = [
        make_step(
            PAGE,
            Part.NETWORK,
            replace(shown, step=number),
            _(TITLES[step.kind]).format(layer=step.layer),
        )
        for number, step in enumerate(list_steps(len(shown.network.hidden) + 1), 1)
    ]
    return StepList(steps, shown.step - 1)
