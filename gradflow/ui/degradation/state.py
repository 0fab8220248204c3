"""What the page on degradation keeps: the settings of each view."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.teaching.degradation.depth import BlockNetworks
from gradflow.core.teaching.degradation.identity import Blocks
from gradflow.core.teaching.degradation.shattering import Shattering
from gradflow.core.teaching.degradation.training import DeeperNetworks
from gradflow.ui.settings.form import make_form
from gradflow.ui.settings.page import Page


class DegradationView(StrEnum):
    """What the page shows."""

    DEEPER = "deeper"
    DEPTH = "depth"
    SHATTERING = "shattering"
    IDENTITY = "identity"


DEEPER = make_form("degradation_deeper", DeeperNetworks)
DEPTH = make_form("degradation_depth", BlockNetworks)
SHATTERING = make_form("degradation_shattering", Shattering)
IDENTITY = make_form("degradation_identity", Blocks)
PAGE = Page(
    "degradation",
    {
        DegradationView.DEEPER: DEEPER,
        DegradationView.DEPTH: DEPTH,
        DegradationView.SHATTERING: SHATTERING,
        DegradationView.IDENTITY: IDENTITY,
    },
)
