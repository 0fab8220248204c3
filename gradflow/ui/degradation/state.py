"""What the page on degradation keeps; the session itself is in ``ui.views.state``."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.teaching.degradation.depth import BlockNetworks
from gradflow.core.teaching.degradation.identity import Blocks
from gradflow.core.teaching.degradation.shattering import Shattering
from gradflow.ui.views.state import Views


class View(StrEnum):
    """What the page shows."""

    DEPTH = "depth"
    SHATTERING = "shattering"
    IDENTITY = "identity"


VIEWS = Views(
    "degradation",
    {View.DEPTH: BlockNetworks, View.SHATTERING: Shattering, View.IDENTITY: Blocks},
)
