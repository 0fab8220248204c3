"""The Flow figure by its address: the page's content, its errors, and what is refused."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.ui import answers
from gradflow.ui.explore.flow import FlowView, read_address, write_address
from gradflow.ui.turns import ADMISSION
from tests.pages.apptest import check_works, list_charts
from tests.pages.conftest import MAIN
from tests.ui.ask import ask

SMALL = gf.Experiment(network=gf.MLP(depth=3, width=8), data=gf.Data(batch_size=16))
RESIDUAL = gf.Experiment(
    network=gf.MLP(depth=4, width=8, connection="residual"), data=gf.Data(batch_size=16)
)
TRANSFORMER = gf.Experiment(
    network=gf.Transformer(depth=1, width=8, heads=2), data=gf.Data(batch_size=8)
)


def open_page(experiment: gf.Experiment, **session: object) -> AppTest:
    app = AppTest.from_file(MAIN, default_timeout=60)
    for name, text in codec.to_query(experiment).items():
        app.query_params[name] = text
    for name, value in session.items():
        app.session_state[name] = value
    return check_works(app.run())


@pytest.mark.parametrize(
    ("experiment", "session"),
    [
        (SMALL, {}),
        (SMALL, {"look": {"gradient": "weight_grad", "seeds": 8}, "layer": 2}),
        (SMALL, {"look": {"theory": False}}),
        (RESIDUAL, {}),
        (RESIDUAL, {"look": {"rows": "block"}}),
        (TRANSFORMER, {}),
    ],
)
def test_page_and_route_send_the_same(
    experiment: gf.Experiment, session: dict[str, object]
) -> None:
    app = open_page(experiment, **session)
    chart = list_charts(app)[0]
    answer = ask(f"/{chart.head['address']}")
    assert answer.status == 200
    head, body = answer.body.split(b"\n", 1)
    assert json.loads(head) == chart.head
    assert json.loads(body) == chart.spec
    packed = ask(f"/{chart.head['address']}", accept_encoding="gzip")
    assert gzip.decompress(packed.body) == answer.body
    assert answer.headers["cache-control"] == "no-store"


def test_the_line_says_what_the_engine_says() -> None:
    answer = ask(f"/{write_address(SMALL, FlowView())}")
    head = json.loads(answer.body.split(b"\n", 1)[0])
    report = gf.run(SMALL)
    finding = findings(report)[0]
    assert (head["word"], head["headline"]) == ("Healthy", finding.headline)
    assert [f["text"] for f in head["findings"]] == [f.text for f in findings(report)]
    assert head["loss"] == f"loss {report.loss:.3g}"
    assert finding.text in head["alt"]


def test_another_setting_and_another_look_are_other_figures() -> None:
    deeper = gf.Experiment(network=gf.MLP(depth=4, width=8), data=SMALL.data)
    addresses = [
        write_address(SMALL, FlowView()),
        write_address(deeper, FlowView()),
        write_address(SMALL, FlowView(mode="dark")),
        write_address(SMALL, FlowView(gradient="weight_grad")),
        write_address(SMALL, FlowView(theory=False)),
        write_address(SMALL, FlowView(selected=2)),
    ]
    heads = [json.loads(ask(f"/{address}").body.split(b"\n", 1)[0]) for address in addresses]
    assert len({head["version"] for head in heads}) == len(addresses)
    assert [head["address"] for head in heads] == addresses


def test_names_of_settings_and_of_looks_differ() -> None:
    assert not set(codec.list_field_names()) & {*FlowView.model_fields, "prefetch"}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("depth=700", 'depth: "700" is not allowed; choose a whole number from 1 to 200'),
        ("seeds=3", "seeds: 3 is not allowed; choose one of 1, 8, 16, 32, 64"),
        ("mode=blue", 'mode: "blue" is not allowed; choose one of light, dark'),
        (
            "connection=x",
            'connection: "x" is not allowed; choose one of plain, residual, preactivation, dense',
        ),
    ],
)
def test_what_is_impossible_is_named(query: str, sentence: str) -> None:
    answer = ask(f"/gf/flow?{query}")
    assert (answer.status, answer.body.decode()) == (422, sentence)


@pytest.mark.parametrize("query", ["depth=700", "width=0&depth=-1"])
def test_errors_are_the_pages_own(query: str) -> None:
    app = AppTest.from_file(MAIN, default_timeout=60)
    for pair in query.split("&"):
        name, _mark, text = pair.partition("=")
        app.query_params[name] = text
    shown = check_works(app.run()).error[0].value.split("\n\n")
    lines = [line.strip("` ") for line in shown]
    assert ask(f"/gf/flow?{query}").body.decode().split("\n") == lines


def test_settings_of_an_option_that_was_left_are_ignored() -> None:
    """After another choice the address still has them."""
    tanh = ask(f"/{write_address(SMALL, FlowView())}&negative_slope=0.3&init_std=2").body
    assert tanh == ask(f"/{write_address(SMALL, FlowView())}").body


NAMES = st.sampled_from([*codec.list_field_names(), *FlowView.model_fields, "prefetch", "x", ""])
TEXTS = st.one_of(
    st.sampled_from(["", "0", "-1", "1e400", "nan", "relu", "moons", "True", "block", "8", "٣"]),
    st.text(max_size=12),
)
# The heavy settings stay small: what is tried is what a link can say, not what a machine can do.
CHEAP = {"depth": "3", "width": "8", "channels": "2", "batch_size": "4", "seeds": "1"}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(NAMES, TEXTS, max_size=5))
def test_forged_queries_are_answered_or_refused_in_words(query: dict[str, str]) -> None:
    tried = CHEAP | {n: t for n, t in query.items() if n not in CHEAP or not t.isdecimal()}
    answer = ask(f"/gf/flow?{urlencode(tried)}")
    if answer.status == 200:
        head = json.loads(answer.body.split(b"\n", 1)[0])
        again = ask(f"/{head['address']}")  # the address that it gives itself is a good one
        assert again.body == answer.body
    elif answer.status == 422:
        assert answer.headers["content-type"].startswith("text/plain")
        assert "choose" in answer.body.decode() or "no effect" in answer.body.decode()
    else:
        assert answer.status == 503
        assert tried.get("prefetch")


@given(
    st.builds(
        FlowView,
        mode=st.sampled_from(["light", "dark"]),
        rows=st.sampled_from(["layer", "block"]),
        gradient=st.sampled_from(["delta", "activation_grad", "weight_grad"]),
        theory=st.booleans(),
        seeds=st.sampled_from([1, 8, 16, 32, 64]),
        selected=st.integers(0, 200),
    )
)
def test_an_address_reads_back(view: FlowView) -> None:
    texts = dict(parse_qsl(urlsplit(write_address(SMALL, view)).query, keep_blank_values=True))
    assert read_address(texts) == (SMALL, view)


@contextmanager
def holding_the_turn() -> Iterator[None]:
    """Let another thread compute meanwhile."""
    begun, end = threading.Event(), threading.Event()

    def work() -> None:
        with ADMISSION:
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_server_that_works_fetches_nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"/{write_address(SMALL, FlowView(selected=1))}"
    with holding_the_turn():
        assert ask(f"{address}&prefetch=1").status == 503
    monkeypatch.setattr(answers, "_IDLE_SECONDS", 0.0)
    assert ask(f"{address}&prefetch=1").body == ask(address).body


def test_too_many_waiting_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_FREE", threading.BoundedSemaphore(1))
    address = f"/{write_address(SMALL, FlowView(selected=3))}"
    assert ask(address).status == 200  # and gives its place back
    with holding_the_turn():
        new = f"/{write_address(SMALL, FlowView(selected=2, mode='dark'))}"
        first = threading.Thread(target=lambda: ask(new))
        first.start()
        end = time.monotonic() + 20
        while not ADMISSION._queue:
            assert time.monotonic() < end
            time.sleep(0.001)
        assert ask(address).status == 503
    first.join()
    assert ask(address).status == 200
