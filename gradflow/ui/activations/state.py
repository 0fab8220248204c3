"""What the page on activation functions keeps: the settings of each view."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import CODE_SEPARATOR, ShownFunctions
from gradflow.core.teaching.dying import BiasedLayer
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.gaussian import GaussianInput
from gradflow.core.teaching.hyperbolic import HyperbolicPair
from gradflow.core.teaching.slope_products import SlopeChains
from gradflow.ui.settings.codecs import SpecCodec
from gradflow.ui.settings.form import Form, make_form
from gradflow.ui.settings.page import Page


class ActivationsView(StrEnum):
    """What the page shows."""

    FUNCTIONS = "functions"
    LAYERS = "layers"
    DYING = "dying"
    GAUSSIAN = "gaussian"
    HYPERBOLIC = "hyperbolic"


def write_functions(spec: Spec) -> dict[str, str]:
    """Write the fields as URL parameters; codes of functions are joined by the spec's separator."""
    assert isinstance(spec, ShownFunctions)
    return to_query(spec) | {"shown": CODE_SEPARATOR.join(spec.shown)}


FUNCTIONS = Form(
    "activations_functions", SpecCodec(ShownFunctions, write_functions), ShownFunctions
)
LAYERS = make_form("activations_layers", SlopeChains)
DYING = make_form("activations_dying", BiasedLayer)
GAUSSIAN = make_form("activations_gaussian", GaussianInput)
HYPERBOLIC = make_form("activations_hyperbolic", HyperbolicPair)
PAGE = Page(
    "activations",
    {
        ActivationsView.FUNCTIONS: FUNCTIONS,
        ActivationsView.LAYERS: LAYERS,
        ActivationsView.DYING: DYING,
        ActivationsView.GAUSSIAN: GAUSSIAN,
        ActivationsView.HYPERBOLIC: HYPERBOLIC,
    },
)
