"""The pure parts of the load benchmark: messages, answered changes, plans, the report."""

import argparse
import json
import os
import random
from pathlib import Path

import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import gradflow as gf
from benchmarks.crowd import Measurement, Plan, draw_offsets, draw_value
from benchmarks.harness import take_percentile
from benchmarks.load import format_report, main, parse_depths
from benchmarks.server import (
    Usage,
    parse_resident_mb,
    parse_ticks,
    read_usage,
)
from benchmarks.session import (
    Change,
    Session,
    Slider,
    count_layers,
    find_figure,
    find_slider,
    mark_shown,
    write_rerun,
)

PLAN = Plan(3, 2.0, 8.0, range(10, 31), burst=False, kind="page", all_pages=False)


def write_figure(key: str, spec: str, name: str = "gradflow_figure") -> ForwardMsg:
    """Write the message that brings a figure."""
    message = ForwardMsg(hash=f"{key}{len(spec)}")
    component = message.delta.new_element.bidi_component
    component.component_name = name
    head = {"name": key, "address": "gf/flow?depth=12&width=8"}
    component.bytes = json.dumps(head).encode() + b"\n" + spec.encode()
    return message


def write_axis(layers: int) -> str:
    """Write the part of a figure by which its layers are counted."""
    return json.dumps({"data": [], "layout": {"xaxis": {"range": [0.5, layers + 0.5]}}})


def write_slider(label: str, value: float, *, fragment: str = "") -> ForwardMsg:
    """Write the message that brings a slider."""
    message = ForwardMsg()
    message.delta.fragment_id = fragment
    component = message.delta.new_element.bidi_component
    component.id, component.component_name = "id-of-slider", "gradflow_toolbar"
    data = {"label": label, "name": label.lower(), "low": 1, "high": 200, "value": value}
    component.json = json.dumps({"row": [data]})
    return message


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 5), (0.95, 10), (0.9, 9), (1.0, 10), (0.0, 1), (0.01, 1)]
)
def test_percentiles_are_values_that_occurred(share: float, value: float) -> None:
    assert take_percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value


def test_figures_are_recognised() -> None:
    figure = find_figure(write_figure("flow", write_axis(12)))
    assert figure is not None
    assert figure.head["name"] == "flow"
    assert count_layers(figure.spec) == 12


def test_other_messages_bring_no_figure() -> None:
    assert find_figure(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)) is None
    assert find_figure(write_slider("Depth", 3)) is None
    assert find_figure(write_figure("flow", "{}", "another_component")) is None


@pytest.mark.parametrize("depth", [1, 7, 40])
def test_layers_of_a_real_flow_figure(depth: int) -> None:
    experiment = gf.Experiment()
    network = experiment.network.model_copy(update={"depth": depth})
    report = gf.run(experiment.model_copy(update={"network": network}))
    assert count_layers(gf.figure(report).to_json().encode()) == len(report.layers)


def test_the_slider_is_found_by_its_label() -> None:
    slider = find_slider(write_slider("Depth", 20, fragment="abc"), "Depth")
    assert slider is not None
    assert slider == Slider("id-of-slider", "abc", "depth", 1, 200, 20)
    assert find_slider(write_slider("Width", 20), "Depth") is None


def test_a_rerun_asks_for_a_value() -> None:
    sent = write_rerun(
        "width=100", "hash", changes={"a": {"depth": 12}}, cached={"m": 1}, fragment="f"
    )
    state = BackMsg.FromString(sent.SerializeToString()).rerun_script
    assert (state.query_string, state.page_script_hash, state.page_name) == (
        "width=100",
        "hash",
        "",
    )
    (event,) = state.widget_states.widgets
    assert event.id == _make_trigger_id("a", "events")
    assert json.loads(event.json_trigger_value) == [{"event": "change", "value": {"depth": 12}}]
    assert (list(state.cached_message_hashes), state.fragment_id) == (["m"], "f")


def test_the_first_rerun_names_the_page() -> None:
    assert write_rerun("", "", page="descent").rerun_script.page_name == "descent"


def test_a_figure_answers_its_change_and_those_before_it() -> None:
    changes = [Change(10, 0.0), Change(12, 1.0), Change(14, 2.0)]
    mark_shown(changes, 12, 5.0)
    assert [(change.shown, change.overtaken) for change in changes] == [
        (5.0, True),
        (5.0, False),
        (None, False),
    ]


def test_a_figure_of_an_answered_change_answers_nothing_more() -> None:
    changes = [Change(10, 0.0, shown=0.5), Change(12, 1.0)]
    mark_shown(changes, 10, 5.0)
    assert [change.shown for change in changes] == [0.5, None]


def test_a_session_takes_a_figure_sent_again_by_its_hash() -> None:
    session = Session("http://127.0.0.1:1", changes=[Change(12, 0.0)])
    figure = write_figure("flow", write_axis(12))
    session._take(write_figure("norms", write_axis(12)), "Depth")
    assert session.changes[0].shown is None
    session._take(figure, "Depth")
    assert session.changes[0].shown is not None
    session.changes.append(Change(12, 1.0))
    session._take(ForwardMsg(ref_hash=figure.hash), "Depth")
    assert session.changes[1].shown is not None


def test_a_session_asks_for_the_page_that_the_navigation_has_chosen() -> None:
    session = Session("http://127.0.0.1:1")
    message = ForwardMsg()
    message.new_session.page_script_hash = "frame"
    session._take(message, "Depth")
    message = ForwardMsg()
    message.navigation.page_script_hash = "explore"
    session._take(message, "Depth")
    assert session._page_hash == "explore"


def test_a_page_is_complete_when_its_own_run_ends() -> None:
    session = Session("http://127.0.0.1:1", changes=[Change(12, 0.0)])
    session._take(write_figure("flow", write_axis(12)), "Depth")
    session._take(ForwardMsg(script_finished=ForwardMsg.FINISHED_EARLY_FOR_RERUN), "Depth")
    assert session.changes[0].finished is None
    session._take(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY), "Depth")
    assert session.changes[0].finished is not None


def test_a_live_change_asks_for_the_newest_figure_with_the_new_value() -> None:
    session = Session("http://127.0.0.1:1")
    session._take(write_slider("Depth", 12), "Depth")
    session._take(write_figure("flow", write_axis(12)), "Depth")
    assert session.write_address(15) == "/gf/flow?depth=15&width=8"


def test_people_change_in_a_rhythm_of_their_own() -> None:
    first, second = (draw_offsets(PLAN, random.Random(seed)) for seed in (0, 1))
    assert first != second
    for offsets in (first, second):
        assert 0 <= offsets[0] < PLAN.period
        assert offsets[-1] <= PLAN.seconds
        assert offsets[1] - offsets[0] == pytest.approx(PLAN.period)


def test_every_change_changes_something() -> None:
    generator = random.Random(0)
    assert {draw_value(range(10, 13), 11, generator) for _ in range(50)} == {10, 12}


def test_depths() -> None:
    assert parse_depths("10-30") == range(10, 31)
    assert parse_depths("all") is None
    for text in ("30-10", "10", "a-b", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            parse_depths(text)


@pytest.mark.parametrize(
    "arguments",
    [["--users", "0"], ["--users", "1000"], ["--seconds", "0"], ["--seconds", "1e9"]],
)
def test_numbers_without_bounds_are_refused(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert arguments[0] in capsys.readouterr().err


def test_the_report_counts_what_was_answered() -> None:
    changes = [
        Change(10, 0.0, shown=0.1, finished=0.4),
        Change(11, 1.0, shown=1.3, overtaken=True, finished=1.4),
        Change(12, 2.0),
    ]
    usages = (Usage(1.0, (500.0,)), Usage(1.3, (600.0,)), Usage(1.3, (700.0,)))
    measured = Measurement(changes, 4.0, *usages, [2.0], (0.08, 0.04), 3_000_000, ["closed: x"])
    report = format_report(PLAN, measured, 1)
    assert "| change → its Flow figure or a later one | 200 ms | 300 ms | 300 ms |" in report
    assert "| change → all of the page, not overtaken | 400 ms |" in report
    assert "3 changes, 0.5 answers/s; 1 overtaken, 1 never answered" in report
    assert "80 ms new, 40 ms known" in report
    assert "100 ms, 8 % of a core" in report
    assert "500 → 600 → 700 MB" in report
    assert "errors: 1; the first: closed: x" in report


def test_a_report_without_answers() -> None:
    nothing = Usage(0.0, ())
    measured = Measurement([], 1.0, nothing, nothing, nothing, [], (0.0, 0.0), 0, [])
    assert "unknown" in format_report(PLAN, measured, 2)


def test_usage_is_parsed_whatever_the_process_is_called() -> None:
    stat = "7 (a ) name) S 1 7 7 0 -1 4 5 0 0 0 120 30 0 0 20 0 9 0 1 2 3"
    assert parse_ticks(stat) == 150
    assert parse_resident_mb("Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t3") == 2.0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_usage_of_this_process() -> None:
    usage = read_usage([os.getpid()])
    assert usage.cpu_seconds > 0
    assert usage.memory_mb[0] > 10
    assert read_usage([2**30]) == Usage(0.0, ())
