"""The cures of the page on recurrent networks, as a browser gets them."""

import json
from urllib.parse import parse_qsl

import pytest

from gradflow.core.recurrent.settings import TimePass
from gradflow.core.recurrent.trial import train_time_cure
from gradflow.ui.recurrent import compute
from gradflow.ui.recurrent.cures import _describe
from gradflow.ui.recurrent.state import PASS
from tests.ui.ask import ask

SMALL = TimePass(hidden_size=16, batch_size=8, length=60)


def test_the_panels_ask_for_what_core_trains() -> None:
    outcomes = compute.try_cures(SMALL)
    data = _describe(SMALL, outcomes)
    route, _, query = data["training"]["address"].partition("?")
    asked = dict(parse_qsl(query))
    assert PASS.codec.from_query({k: v for k, v in asked.items() if k != "language"}) == SMALL
    codes = data["training"]["codes"]
    assert codes == [cure["code"] for cure in data["cures"]] == [o.code for o in outcomes]

    address = f"/{route}?{query}&code={codes[0]}"
    content = json.loads(ask(address).body)
    result = train_time_cure(outcomes[0], SMALL)
    words = {cure["code"]: cure["word"] for cure in data["cures"]}
    assert words["adam"] == "In training"  # no pass can show what it does
    assert content["text"] == str(result.text)
    assert content["rank"] == pytest.approx(list(result.rank))
    refused = ask(f"{address}x")
    assert refused.status == 422
    assert "code" in refused.body.decode()


def test_a_shorter_sequence_ends_where_the_figure_ends() -> None:
    outcomes = compute.try_cures(SMALL)
    cures = {cure["code"]: cure for cure in _describe(SMALL, outcomes)["cures"]}
    levels = cures["shorter"]["levels"]
    assert len(levels) == 60
    assert levels[:45] == [None] * 45
    assert None not in levels[45:]
