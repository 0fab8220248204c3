"""Two reports side by side: before and after a change of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradflow.core.diagnosis import findings
from gradflow.core.lookup import find_attribute
from gradflow.core.report import Report
from gradflow.core.text import Text, join_texts
from gradflow.core.verdict import Finding, Verdict

_COLUMNS = (
    *("activation_std", "delta_rms", "weight_grad_norm", "update_ratio"),
    *("saturated", "dead_units", "similarity"),
)
"""What is compared of each layer."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What differs between two reports.

    Attributes:
        before, after: the reports.
        layers: a row per layer: ``module``, its number in both (``layer_before``, ``layer_after``),
            and each compared column of ``report.layers`` twice. Layers are paired in order if there
            are as many in both, else by name; one without a partner has NaN there.
        gone, new: findings that only one of both has, by their verdict.
    """

    before: Report
    after: Report
    layers: pd.DataFrame
    gone: Sequence[Finding]
    new: Sequence[Finding]

    @classmethod
    def make(cls, before: Report, after: Report) -> Comparison:
        """Compare two reports."""
        old, new = findings(before), findings(after)
        return cls(
            before,
            after,
            _join_layers(before, after),
            _leave_out(old, {finding.verdict for finding in new}),
            _leave_out(new, {finding.verdict for finding in old}),
        )

    @property
    def text(self) -> Text:
        """What has changed, in a few sentences."""
        loss = Text("Loss {before} → {after}.", before=self.before.loss, after=self.after.loss)
        return join_texts(
            loss,
            *(Text("Gone: {finding}", finding=finding.text) for finding in self.gone),
            *(Text("New: {finding}", finding=finding.text) for finding in self.new),
        )

    def __repr__(self) -> str:
        return f"<Comparison of {self.before!r} and {self.after!r}: {self.text}>"

    def _repr_html_(self) -> str:
        html: str = find_attribute("gradflow.charts.notebook:write_comparison")(self)
        return html


def _leave_out(findings: Sequence[Finding], verdicts: set[Verdict | None]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict not in verdicts]


def _join_layers(before: Report, after: Report) -> pd.DataFrame:
    tables = [report.layers[["module", "layer", *_COLUMNS]] for report in (before, after)]
    if len(tables[0]) == len(tables[1]):
        names = tables[1]["module"].to_numpy()
        tables = [table.assign(module=names) for table in tables]
    joined = tables[0].merge(
        tables[1], on="module", how="outer", suffixes=("_before", "_after"), sort=False
    )
    place = joined["layer_after"].fillna(joined["layer_before"])
    joined = joined.iloc[np.argsort(place.to_numpy(), kind="stable")].reset_index(drop=True)
    pairs = [f"{name}_{side}" for name in ("layer", *_COLUMNS) for side in ("before", "after")]
    return joined[["module", *pairs]]
