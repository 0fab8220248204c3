"""The page on phase diagrams: its networks are those of Explore, and a map is shared."""

from __future__ import annotations

import gc
import math
import re
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

import gradflow as gf
from gradflow.core.numbers import format_share
from gradflow.core.sweep.phase import PhaseMap, PhaseSettings
from gradflow.core.sweep.phase_presets import PHASE_PRESETS
from gradflow.ui.compare.settings import select_shared, write_comparison
from gradflow.ui.phase import maps
from gradflow.ui.phase.maps import MAPS, LiveMap, _Maps, prepare_map
from gradflow.ui.phase.state import PHASE, PhaseCodec
from gradflow.ui.settings.codecs import EXPERIMENTS
from gradflow.ui.settings.link import parse_link
from gradflow.ui.wanted import WANTED
from tests.pages.apptest import open_link, read_url

SMALL = dict(
    parse_qsl(
        "depth=4&width=8&initialization=normal&init_std=0.3&batch_size=8"
        "&across=init_std&left=0.1&right=0.4&upwards=depth&bottom=2&top=5&points=4&measure=loss"
    )
)
EXPERIMENT = gf.Experiment(
    network=gf.MLP(depth=4, width=8, initialization="normal", init_std=0.3),
    data=gf.Data(batch_size=8),
)


def make_settings(**plan) -> PhaseSettings:
    usual = {"across": "init_std", "left": 0.1, "right": 0.4, "upwards": "depth", "bottom": 2}
    return PhaseSettings(EXPERIMENT, PhaseMap(**usual | {"top": 5, "points": 4} | plan))


def find_box(app, label: str):
    return next(box for box in app.selectbox if box.label == label)


@pytest.fixture(autouse=True)
def end_maps():
    """End every map of a test: a thread that computes when Python ends would crash it."""
    yield
    for live in MAPS._maps.values():
        live._seen = -math.inf
        if live._thread is not None:
            live._thread.join(30)


def fill(live: LiveMap) -> list[dict]:
    give_up = time.monotonic() + 60
    while not live.is_whole and live.error is None and time.monotonic() < give_up:
        live.look()
        time.sleep(0.02)
    return live.look()


def test_every_cell_is_the_network_that_explore_shows():
    live = LiveMap(make_settings().grid)
    rows = fill(live)
    assert len(rows) == 16
    for row in rows:
        report = gf.run(live.grid.experiments[row["cell"]])
        assert row["loss"] == pytest.approx(report.loss, rel=1e-5)
        assert live.grid.experiments[row["cell"]].network.depth == 2 + row["cell"] // 4


def test_all_who_look_at_the_same_share_a_map_whatever_they_measure():
    grids = [make_settings(measure=measure).grid for measure in ("loss", "factor")]
    assert MAPS.find(grids[0]) is MAPS.find(grids[1])
    assert MAPS.find(make_settings(points=5).grid) is not MAPS.find(grids[0])


def test_a_map_that_nobody_looks_at_stops_and_goes_on(monkeypatch):
    monkeypatch.setattr("gradflow.ui.phase.maps._UNSEEN_SECONDS", -1.0)
    live = LiveMap(make_settings(points=12).grid)
    live.look()
    assert live._thread is not None
    live._thread.join(30)
    assert not live.is_whole
    monkeypatch.setattr("gradflow.ui.phase.maps._UNSEEN_SECONDS", 5.0)
    assert len(fill(live)) == live.grid.count


def test_a_prepared_map_is_whole_when_it_is_first_looked_at():
    grid = make_settings(points=3).grid
    prepare_map(grid)
    assert MAPS.find(grid).is_whole
    assert len(MAPS.find(grid).look()) == grid.count


def test_a_whole_map_says_what_it_has_found(app):
    grid = make_settings().grid
    prepare_map(grid)
    open_link(app, "phase", SMALL)
    (said,) = [text.value for text in app.markdown if text.value.startswith("Of 16 networks")]
    healthy = sum(row["verdict"] == "healthy" for row in MAPS.find(grid).look())
    assert f"within a factor 30, in {format_share(healthy / 16)}" in said


def test_a_map_whose_networks_run_alone_says_so(monkeypatch, app):
    monkeypatch.setattr("gradflow.ui.phase.maps.LiveMap._fill", lambda live: None)
    query = "architecture=conv&channels=2&depth=2&stages=1&across=batch_size&upwards=seed"
    open_link(app, "phase", dict(parse_qsl(f"{query}&left=2&right=4&bottom=0&top=1")))
    assert not app.exception
    assert any(re.fullmatch("0 of 6 networks, one by one", t.value) for t in app.markdown)


def test_twenty_who_look_at_once_have_it_computed_once(monkeypatch):
    ran = []
    run = maps._run_admitted
    monkeypatch.setattr(maps, "_run_admitted", lambda job: ran.append(len(job)) or run(job))

    def look(_i: int) -> list[dict]:
        return fill(MAPS.find(make_settings(points=4, top=9).grid))

    with ThreadPoolExecutor(20) as sessions:
        seen = list(sessions.map(look, range(20)))
    assert [len(rows) for rows in seen] == [16] * 20
    assert sum(ran) == 16
    assert all(row is seen[0][i] for rows in seen for i, row in enumerate(rows))


def test_maps_that_nobody_has_looked_at_for_long_are_forgotten(monkeypatch):
    monkeypatch.setattr(maps, "_MOST_NETWORKS", 40)
    kept = _Maps()
    first = kept.find(make_settings().grid)
    gone = weakref.ref(first)
    kept.find(make_settings(top=6).grid)
    assert kept.find(make_settings().grid) is first
    kept.find(make_settings(top=7).grid)
    assert kept.find(make_settings().grid) is first  # looked at after the second
    kept.find(make_settings(top=8).grid)
    kept.find(make_settings(top=9).grid)
    del first
    gc.collect()
    assert gone() is None


def test_a_map_that_failed_says_so_and_begins_anew(monkeypatch):
    def fail(job) -> None:
        raise RuntimeError("out of luck")

    grid = make_settings(points=2).grid
    with monkeypatch.context() as broken:
        broken.setattr(maps, "_run_admitted", fail)
        live = MAPS.find(grid)
        with pytest.raises(RuntimeError):
            copy_context().run(live._fill)  # it sets who wants what is computed
        assert "Reload the page" in str(live.error)
        assert live.look() == []
        assert live._thread is None
    assert len(fill(MAPS.find(grid))) == 4


def test_preparing_ends_with_who_wants_it():
    def stop() -> None:
        raise KeyboardInterrupt

    token = WANTED.set(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            prepare_map(make_settings(points=13).grid)
    finally:
        WANTED.reset(token)


@pytest.mark.parametrize("code", PHASE_PRESETS)
def test_presets_are_possible_and_survive_a_link(code):
    settings = PHASE_PRESETS[code].settings
    codec = PhaseCodec()
    assert codec.from_query(codec.to_query(settings)) == settings
    assert codec.from_fields(codec.to_fields(settings)) == settings
    assert 50 < settings.grid.count <= 6000
    assert sum(e is not None for e in settings.grid.experiments) > 0.9 * settings.grid.count


def test_the_page_opens_with_a_map_and_takes_a_link(app):
    open_link(app, "phase", SMALL)
    assert not app.exception
    assert find_box(app, "Measure").value == "loss"
    assert not app.error


def test_a_new_axis_brings_its_usual_ends_and_axes_change_places(app):
    open_link(app, "phase", SMALL)
    find_box(app, "Across").set_value("batch_size").run()
    assert not app.exception
    values = app.session_state["phase"]
    assert (values["across"], values["left"], values["right"]) == ("batch_size", 2, 256)
    find_box(app, "Upwards").set_value("batch_size").run()
    values = app.session_state["phase"]
    assert (values["across"], values["upwards"]) == ("depth", "batch_size")
    assert (values["left"], values["right"], values["bottom"], values["top"]) == (2, 5, 2, 256)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("across=deep", "across"),
        ("across=depth&upwards=depth", 'upwards: "depth" is the other axis already'),
        ("across=init_std", "init_std: it has no effect"),
        ("left=3&right=2", "across: To, which is 2, must be above From, which is 3"),
        ("points=40&seeds=8", "too many for one map"),
        ("across=gain_value&gain=one", "gain_value: it has no effect"),
        ("across=bias_std&architecture=transformer", "bias_std: it has no effect"),
        ("across=kernel&upwards=growth_rate", "growth_rate: it has no effect"),
        ("left=nan&points=1e9", "points"),
        ("across=correlation&left=5&right=6", "correlation"),
    ],
)
def test_impossible_links_are_named(app, query, said):
    open_link(app, "phase", dict(parse_qsl(query)))
    assert not app.exception
    assert any(said in error.value for error in app.error)


def test_what_a_browser_still_sends_of_before_a_choice_is_no_choice(monkeypatch):
    """A map that fills asks again and again; an answer may be on its way when a setting changes."""
    session: dict[str, object] = {}
    monkeypatch.setattr("streamlit.session_state", session)
    preset, left = PHASE.bind_preset(), PHASE.bind("left")
    assert session[preset["key"]] == "edge_of_chaos"
    across = PHASE.bind("across")
    session[across["key"]] = "depth"
    across["on_change"](*across["args"])
    after = PHASE.values
    assert (after["across"], after["left"]) == ("depth", 2)
    for stale in (preset, left):
        session[stale["key"]] = {"edge_of_chaos": "edge_of_chaos"}.get(session[stale["key"]], 0.5)
        stale["on_change"](*stale["args"])
        assert PHASE.values == after
    assert session[PHASE.bind_preset()["key"]] is None
    assert PHASE.bind("across")["key"] == across["key"]  # in its user's hand
    again = PHASE.bind_preset()
    session[again["key"]] = "pairs"
    again["on_change"](*again["args"])
    assert PHASE.preset == "pairs"


def test_chosen_cells_are_in_the_address(app):
    open_link(app, "phase", SMALL | {"cells": "9_3"})
    assert not app.error
    assert read_url(app)["cells"] == "9_3"
    assert any("Depth 4, " in text.value and " · " in text.value for text in app.markdown)
    find_box(app, "Measure").set_value("factor").run()
    assert app.session_state["phase"]["cells"] == (9, 3)
    find_box(app, "Across").set_value("batch_size").run()
    assert app.session_state["phase"]["cells"] == ()
    assert "cells" not in app.query_params


@pytest.mark.parametrize("cells", ["16", "x", "1_2_3", "99999999999"])
def test_cells_that_no_map_has_are_named(app, cells):
    open_link(app, "phase", SMALL | {"cells": cells})
    assert not app.exception
    assert any("cells" in error.value for error in app.error)


def test_a_preset_stays_one_whatever_is_chosen():
    settings = PHASE_PRESETS["edge_of_chaos"].settings
    chosen = replace(settings, map=settings.map.model_copy(update={"cells": (1, 2)}))
    assert PHASE.is_preset(settings, chosen)
    assert PhaseCodec().from_query(PhaseCodec().to_query(chosen)) == chosen


def test_two_cells_are_a_comparison():
    first, second = make_settings().grid.experiments[3], make_settings().grid.experiments[9]
    query = write_comparison([first, second])
    assert EXPERIMENTS.from_query(dict(parse_qsl(query["a"]))) == first
    own = dict(parse_qsl(query["b"]))
    shared = select_shared(EXPERIMENTS.to_query(first))
    assert parse_link(EXPERIMENTS, own, shared).settings == second
