"""The small figures by their addresses."""

from xml.etree import ElementTree as ET

import pytest

from gradflow.charts.flow.thumbnail import thumbnail_svg
from gradflow.core.presets import PRESETS
from gradflow.ui.compute import run
from gradflow.ui.welcome.cards import CARDS
from tests.ui.ask import ask


@pytest.mark.parametrize("code", CARDS)
def test_each_card_has_a_picture_in_both_modes(code: str) -> None:
    light, dark = (ask(f"/gf/thumbnail?preset={code}&mode={mode}") for mode in ("light", "dark"))
    for answer in (light, dark):
        assert answer.status == 200
        assert answer.headers["content-type"] == "image/svg+xml"
        assert len(answer.body) < 8000
        assert len(ET.fromstring(answer.body)) > 0
    assert light.body != dark.body


def test_it_is_the_presets_own_figure() -> None:
    report = run(PRESETS["deep_sigmoid"].experiment)
    body = ask("/gf/thumbnail?preset=deep_sigmoid&mode=dark").body
    assert body.decode() == thumbnail_svg(report, mode="dark")


@pytest.mark.parametrize(
    "query", ["", "?preset=deep_sigmoid", "?preset=x&mode=light", "?preset=deep_sigmoid&mode=blue"]
)
def test_nothing_else_is_drawn(query: str) -> None:
    assert ask(f"/gf/thumbnail{query}").status == 404
