"""The views of the page on normalization: which function draws which."""

from __future__ import annotations

from collections.abc import Callable

from gradflow.core.spec import Spec
from gradflow.ui.normalization import batch, modes, sharing, small, state
from gradflow.ui.normalization.effects import show_flow, show_rates, show_scales
from gradflow.ui.normalization.state import View


def show(view: View) -> None:
    """Draw one view, and let the URL carry it."""
    state.settled(view, _VIEWS[view]())


_VIEWS: dict[View, Callable[[], Spec]] = {
    View.SHARING: sharing.show,
    View.BATCH: batch.show,
    View.MODES: modes.show,
    View.SMALL: small.show,
    View.FLOW: show_flow,
    View.SCALES: show_scales,
    View.RATES: show_rates,
}
