"""What is sent of a figure, and what comes back of it."""

import json
from typing import Any

import pytest

from gradflow.charts.figure import build_figure
from gradflow.ui.figures import graph
from gradflow.ui.figures.graph import PackedFigure, pack_figure


def read_head(packed: PackedFigure) -> dict[str, Any]:
    return dict(json.loads(packed.content.split(b"\n", 1)[0]))


def test_the_version_is_that_of_the_figure_alone() -> None:
    figure = build_figure([{"type": "scatter", "y": [1, 2]}], {"height": 300}, "light")
    other = build_figure([{"type": "scatter", "y": [1, 3]}], {}, "light")
    first = read_head(pack_figure(figure, "norms", "two\nlines", "light"))
    assert first["alt"] == "two\nlines"
    assert (first["name"], first["mode"]) == ("norms", "light")
    assert (first["height"], first["keys"]) == (300, "")
    assert read_head(pack_figure(figure, "norms", "else", "light"))["version"] == first["version"]
    second = read_head(pack_figure(other, "norms", "", "light", selectable=True))
    assert second["version"] != first["version"]
    assert (second["height"], bool(second["keys"])) == (450, True)


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [
        ({"choice": 7}, [7]),
        ({"choice": "7"}, []),
        ({"choice": [7]}, []),
        ({"choice": {"layer": 7}}, []),
        ({"choice": True}, []),
        ({"choice": None}, []),
        ({"mode": "dark"}, []),
        (None, []),
    ],
)
def test_only_whole_numbers_are_choices(
    sent: object, chosen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "read_widget", lambda _key: sent)
    taken: list[int] = []
    graph._pass_choice("flow", taken.append)
    assert taken == chosen
