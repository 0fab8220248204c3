"""What the Flow figure of Explore depends on, and the address that says so.

A control that moves takes the address of the figure that is shown, puts its own value into it, and
fetches the figure there (``explore/route.py``), without a run of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode

from pydantic import BeforeValidator, Field

from gradflow.charts.flow.data import Gradient
from gradflow.charts.theme import Mode
from gradflow.core.experiment import MAX_DEPTH, Experiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import to_query
from gradflow.core.text import find_language
from gradflow.ui.explore.subject import Subject, read_saved, write_subject
from gradflow.ui.settings.codecs import EXPERIMENTS
from gradflow.ui.settings.link import select_known

ROUTE = "flow"
"""The route's name below ``gf/``."""
Rows = Literal["layer", "kind", "fold", "block"]
"""What the columns of the figure are: layers in their order or by kind, the layers of each block
together, or the residual stream after each block."""
SeedCount = Literal[1, 8, 16, 32, 64]
SEED_COUNTS: tuple[SeedCount, ...] = get_args(SeedCount)


def _read_count(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class FlowView(Spec):
    """How a reader looks at the Flow figure: all that it depends on beside the experiment.

    The names are parameters of the figure's address, beside those of the settings.
    """

    mode: Mode = Field("light", title="Mode")
    language: str = Field("en", title="Language")
    rows: Rows = Field("layer", title="Columns of the figure")
    gradient: Gradient = Field("delta", title="Gradient in the lower band")
    theory: bool = Field(True, title="Theory")
    seeds: Annotated[SeedCount, BeforeValidator(_read_count)] = Field(1, title="Seeds")
    selected: int = Field(0, ge=0, le=MAX_DEPTH, title="Outlined layer; 0: none")
    opened: int = Field(0, ge=0, le=MAX_DEPTH, title="Unfolded block; 0: none")
    factors: bool = Field(False, title="Factor of each layer beneath")
    lead: str = Field("", title="Verdict that is said first; empty: the most severe one")


def write_address(subject: Subject, view: FlowView) -> str:
    """Write the address at which the server answers with this figure, seen from the app's root."""
    return f"gf/{ROUTE}?{urlencode(write_subject(subject) | to_query(view))}"


def read_experiment(texts: Mapping[str, str]) -> tuple[Experiment, FlowView]:
    """Read the address of something that is computed, as ``read_address`` does.

    Raises:
        InvalidExperiment: something is impossible; the message is the one that the page shows.
    """
    return EXPERIMENTS.from_query(select_known(texts, EXPERIMENTS.list_names())), _read_view(texts)


def read_address(texts: Mapping[str, str]) -> tuple[Subject, FlowView]:
    """Read what ``write_address`` wrote, with other values in it.

    Parameters that are neither are ignored, and so are settings without effect: after a choice,
    the address still has those of the option that was chosen before.

    Raises:
        InvalidExperiment: something is impossible; the message is the one that the page shows.
    """
    saved = read_saved(texts)
    return (saved, _read_view(texts)) if saved is not None else read_experiment(texts)


def _read_view(texts: Mapping[str, str]) -> FlowView:
    known = select_known(texts, FlowView.model_fields)
    known["language"] = find_language(known.get("language", ""))
    return FlowView(**known)
