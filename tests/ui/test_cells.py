"""The small Flow figure of a cell is that of its network, and forged addresses have none."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

import gradflow as gf
from gradflow.charts.flow.thumbnail import thumbnail_svg
from gradflow.core.sweep.phase import PhaseMap, PhaseSettings
from gradflow.ui.phase.state import PhaseCodec
from tests.ui.ask import ask

BASE = gf.Experiment(network=gf.MLP(depth=3, width=8), data=gf.Data(batch_size=8))
PLAN = PhaseMap(upwards="depth", bottom=2, top=4, points=3)
QUERY = urlencode(PhaseCodec().to_query(PhaseSettings(BASE, PLAN)))


def test_a_cell_is_its_network() -> None:
    network = gf.MLP(depth=4, width=8, bias_std=0.5)
    report = gf.run(BASE.model_copy(update={"network": network}))
    answer = ask(f"/gf/cell?{QUERY}&mode=dark&cell=7")
    assert answer.status == 200
    assert answer.body.decode() == thumbnail_svg(report, mode="dark")


@pytest.mark.parametrize(
    "rest",
    ["&mode=dark", "&mode=dark&cell=9", "&mode=dark&cell=x", "&mode=no&cell=1", "&depth=0&cell=1"],
)
def test_there_is_no_other_cell(rest: str) -> None:
    assert ask(f"/gf/cell?{QUERY}{rest}").status == 404
