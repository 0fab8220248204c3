"""What a link to the gallery says beside the report: its rival, and how it is looked at."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gradflow.charts.flow.data import Gradient
from gradflow.core.experiment import MAX_DEPTH
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import to_query
from gradflow.ui.explore.flow import Rows
from gradflow.ui.settings.codecs import SpecCodec
from gradflow.ui.settings.form import Form

Rival = Literal["", "resnet_plain", "resnet", "post_ln", "pre_ln", "lstm", "lstm_shortcut"]


class Look(Spec):
    """How a report is looked at; what is not chosen is as usual."""

    beside: Rival = Field("", title="Compare with")
    rows: Literal["", Rows] = Field("", title="Columns of the figure")
    gradient: Gradient = Field("delta", title="Gradient in the lower band")
    opened: int = Field(0, ge=0, le=MAX_DEPTH, title="Unfolded block; 0: none")


class _LookCodec(SpecCodec[Look]):
    """Settings of which an address has those that were chosen."""

    def to_query(self, settings: Look) -> dict[str, str]:
        texts, usual = to_query(settings), Look()
        return {n: text for n, text in texts.items() if getattr(settings, n) != getattr(usual, n)}


LOOK = Form("your_model_look", _LookCodec(Look), Look)
"""How whatever is shown is looked at; only of the gallery it has an address."""


def read_look() -> dict[str, Any]:
    """Read those fields of a ``FlowView`` that were chosen."""
    values = LOOK.values
    look = {name: values[name] for name in ("gradient", "opened")}
    return look | ({"rows": values["rows"]} if values["rows"] else {})
