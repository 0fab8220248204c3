"""The session's part of the page on activation functions; see ``gradflow.ui.views``."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import CODE_SEPARATOR, ShownFunctions
from gradflow.core.teaching.dying import BiasedLayer
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.gaussian import GaussianInput
from gradflow.core.teaching.hyperbolic import HyperbolicPair
from gradflow.core.teaching.slope_products import SlopeChains
from gradflow.ui.views.state import Views


class View(StrEnum):
    """What the page shows."""

    FUNCTIONS = "functions"
    LAYERS = "layers"
    DYING = "dying"
    GAUSSIAN = "gaussian"
    HYPERBOLIC = "hyperbolic"


SPECS: dict[str, type[Spec]] = {
    View.FUNCTIONS: ShownFunctions,
    View.LAYERS: SlopeChains,
    View.DYING: BiasedLayer,
    View.GAUSSIAN: GaussianInput,
    View.HYPERBOLIC: HyperbolicPair,
}


def texts(spec: Spec) -> dict[str, str]:
    """A spec's fields as the URL has them; codes of functions are joined as the spec parts them."""
    listed = {"shown": CODE_SEPARATOR.join(spec.shown)} if isinstance(spec, ShownFunctions) else {}
    return to_query(spec) | listed


VIEWS = Views("activations", SPECS, texts)
load, problem, settled = VIEWS.load, VIEWS.problem, VIEWS.settled
values, store, spec = VIEWS.values, VIEWS.store, VIEWS.spec
