"""The page Your model, run without a browser: the gallery, files, comparisons, timelines."""

import dataclasses
import json
import re
from typing import Any, get_args

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

import gradflow as gf
from gradflow.charts.training.timeline import describe_map
from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.core.grouping import write_module
from gradflow.core.verdict import Verdict
from gradflow.ui.your_model.gallery import GALLERY, load_item
from gradflow.ui.your_model.look import Rival
from tests.charts.figures import decode
from tests.core.diagnosis.test_shortcuts import Stack, probe_tokens
from tests.pages.apptest import check_works, list_charts, open_link, read_url, send_event

SICK = ("resnet_plain", "lstm")


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(torch.tanh(self.up(x)))


def probe_blocks(count: int) -> gf.Report:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.Sequential(*map(Block, [6] * count)), nn.Linear(6, 3))
    return gf.probe(model, torch.randn(16, 6), torch.randint(3, (16,)))


def open_page(app: AppTest, **query: str) -> AppTest:
    return open_link(app, "your_model", query)


def upload(app: AppTest, *files: tuple[str, str | bytes]) -> AppTest:
    sent = [(n, b if isinstance(b, bytes) else b.encode(), "application/json") for n, b in files]
    app.file_uploader[0].set_value(sent)
    return check_works(app.run())


def read_flow(app: AppTest) -> dict[str, Any]:
    (chart,) = [chart for chart in list_charts(app) if chart.head["name"] == "flow"]
    return chart.spec | {"head": chart.head}


def read_errors(app: AppTest) -> str:
    return " ".join(box.value for box in app.error)


@pytest.mark.parametrize("code", GALLERY)
def test_what_is_said_of_a_report_of_the_gallery_is_so(code: str) -> None:
    item, (_saved, report) = GALLERY[code], load_item(code)
    is_sick = findings(report)[0].verdict is not Verdict.HEALTHY
    assert is_sick == (code in SICK)
    assert bool(item.cause) == (code in (*SICK, "post_ln"))
    # Advice is given to the sick alone, and names the cure that the rival has: the shortcut.
    assert ("preactivation" in [advice.code for advice in gf.advise(report)][:2]) == is_sick
    assert bool(gf.advise(report)) == is_sick
    assert bool(item.cure) == (code == "post_ln")
    assert GALLERY[item.rival].rival == code
    stream = report.stream
    rows = report if stream is None else stream
    column = "delta_norm" if stream is None else "activation_grad_norm"
    norms = rows.layers[column].to_numpy()
    match code:
        case "resnet_plain":
            assert -14 < np.log10(norms[1] / norms[-1]) < -12  # thirteen decades
            assert report.layers["activation_rms"].iloc[-2] < 1e-9
        case "post_ln":
            assert 0.35 < norms[1] / norms[-1] < 0.45  # four tenths, × 0.93 per block
            assert (norms[1] / norms[-1]) ** (1 / 15) == pytest.approx(0.93, abs=0.01)
        case "lstm":
            assert norms[0] < 1e-3 * norms[-1]
            assert report.layers["similarity"].iloc[-2] > 0.999
        case "pre_ln":
            assert (np.diff(rows.layers["activation_rms"]) > 0).all()
            assert 0.3 < norms[1] / norms[-1] < 3
        case "lstm_shortcut":
            assert 0.3 < norms[0] / norms[-1] < 3
        case "resnet":
            assert norms[1] / norms[-1] < 15


def test_the_gallery_is_alive_before_anybody_brings_a_file(app: AppTest) -> None:
    open_page(app)
    assert read_url(app) == {"report": "resnet_plain"}
    head = read_flow(app)["head"]
    assert head["severity"] == "bad"
    assert head["cures"] == ""
    assert head["hands"] is None
    assert "gf.probe(model, inputs, targets)" in app.code[0].value
    assert "gf.watch(model" in app.file_uploader[0].help
    assert any(text.value.startswith("An example.") for text in app.markdown)
    advice = gf.advise(load_item("resnet_plain")[1])
    assert advice[0].code == "preactivation"
    assert [code.value for code in app.code[1:]] == [row.line for row in advice]
    words = re.sub("<[^>]*>", "", " ".join(text.value for text in app.markdown))  # without terms
    assert all(f"**{row.title}.**" in words for row in advice)
    app.button(key="your_model_rival").click()
    check_works(app.run())
    (norms,) = [c for c in list_charts(app) if c.head["name"] == "your_model_norms"]
    lines = {t["name"][3]: 10 ** decode(t["y"]) for t in norms.spec["data"] if "<b>" in t["name"]}
    streams = [load_item(code)[1].stream for code in ("resnet_plain", "resnet")]
    for letter, stream in zip("AB", streams, strict=True):
        assert stream is not None
        expected = stream.layers["activation_grad_norm"].to_numpy()
        assert lines[letter] == pytest.approx(expected[-len(lines[letter]) :], rel=1e-5)


def test_a_file_is_shown_with_everything_that_explore_shows(app: AppTest) -> None:
    report = probe_blocks(3)
    upload(open_page(app), ("mine.json", report.to_json()))
    flow = read_flow(app)
    assert "report" not in read_url(app)
    targets = next(t for t in flow["data"] if t["name"] == "layers")
    assert decode(targets["customdata"]).tolist() == list(range(1, 9))
    assert flow["layout"]["xaxis"]["ticktext"].count("1") == 1  # the second block
    assert f"saved={flow['head']['address'].partition('saved=')[2][:32]}" in flow["head"]["address"]
    # Every column of the table, every tab.
    app.session_state["details_box"] = True
    for tab in ("Gradient norms", "Forward signal", "One layer", "Table", "Export"):
        app.session_state["details"] = tab
        check_works(app.run())
    assert not any("PyTorch" in d.proto.label for d in app.get("download_button"))
    app.session_state["details"] = "One layer"
    check_works(app.run())
    names = [f"{n}: {write_module(name)}" for n, name in enumerate(report.layers["module"], 1)]
    slider = app.select_slider(key="layer_widget")
    assert slider.options == names
    slider.set_value(3).run()
    (panels,) = [c for c in list_charts(check_works(app)) if c.head["name"] == "histograms"]
    assert report.layers["module"][2] in panels.spec["layout"]["title"]["text"]


def test_blocks_are_folded_and_unfolded(app: AppTest) -> None:
    upload(open_page(app), ("mine.json", probe_blocks(3).to_json()))
    app.session_state["your_model_view"] = True
    check_works(app.run())
    app.radio(key="your_model_rows").set_value("fold").run()

    def list_choices() -> list[int]:
        targets = next(t for t in read_flow(check_works(app))["data"] if t["name"] == "layers")
        return decode(targets["customdata"]).tolist()  # type: ignore[no-any-return]

    assert list_choices() == [1, -2, -3, -4, 8]
    look = {"beside": "", "rows": "fold", "gradient": "delta", "opened": 3}
    app.session_state["your_model_look"] = look
    app.run()
    assert list_choices() == [1, -2, 4, 5, -4, 8]
    app.button(key="your_model_fold").click().run()
    assert list_choices() == [1, -2, -3, -4, 8]
    app.radio(key="your_model_rows").set_value("kind").run()
    assert list_choices() == [1, 2, 4, 6, 3, 5, 7, 8]


def test_a_link_leads_to_a_comparison_of_the_gallery_as_it_is_seen(app: AppTest) -> None:
    open_page(app)
    app.button(key="your_model_rival").click()
    check_works(app.run())
    assert read_url(app) == {"report": "resnet_plain", "beside": "resnet"}
    app.segmented_control(key="your_model_compared_rows").set_value("layer")
    check_works(app.run())
    link = {"report": "resnet_plain", "beside": "resnet", "rows": "layer"}
    assert read_url(app) == link
    seen = [chart.spec["data"] for chart in list_charts(app)]
    assert "copy it to share it" in " ".join(caption.value for caption in app.caption)

    other = AppTest.from_file(app._script_path, default_timeout=60)
    open_page(other, **link)
    assert read_url(other) == link
    assert [chart.spec["data"] for chart in list_charts(other)] == seen
    other.selectbox(key="your_model_shown_widget").set_value("post_ln")
    assert read_url(check_works(other.run())) == {"report": "post_ln"}


def test_a_link_leads_to_a_view_of_the_gallery(app: AppTest) -> None:
    link = {"report": "post_ln", "rows": "kind", "gradient": "weight_grad"}
    open_page(app, **link)
    assert read_url(app) == link
    flow = read_flow(app)
    assert "kinds of layers" in flow["layout"]["xaxis"]["title"]["text"]
    assert "weight_grad" in flow["head"]["address"]


@pytest.mark.parametrize(
    ("forged", "kept"),
    [
        ({"beside": "/etc/passwd"}, {}),
        ({"beside": "lstm"}, {"beside": "lstm"}),
        ({"opened": "-3"}, {}),
        ({"rows": "x"}, {}),
    ],
)
def test_forged_links_show_the_report(
    app: AppTest, forged: dict[str, str], kept: dict[str, str]
) -> None:
    open_page(app, report="resnet", **forged)
    assert read_url(app) == {"report": "resnet"} | kept
    assert bool(read_errors(app)) == (not kept)


def test_every_report_of_the_gallery_can_stand_in_a_link() -> None:
    assert set(get_args(Rival)) == {"", *GALLERY}


def test_what_a_file_takes_part_in_has_no_address(app: AppTest) -> None:
    upload(open_page(app), ("mine.json", probe_blocks(3).to_json()))
    assert read_url(app) == {}
    assert "send the file" in " ".join(caption.value for caption in app.caption)
    app.selectbox(key="your_model_shown_widget").set_value("lstm").run()
    assert read_url(check_works(app)) == {"report": "lstm"}
    app.selectbox(key="your_model_beside_widget").set_value("file: mine.json").run()
    assert read_url(check_works(app)) == {}


def forge(data: dict[str, Any], path: tuple[Any, ...], value: Any) -> str:
    damaged = json.loads(json.dumps(data))
    *way, last = path
    place = damaged
    for step in way:
        place = place[step]
    place[last] = value
    return json.dumps(damaged)


def test_bad_files_are_refused_with_the_field_and_lose_nothing(app: AppTest) -> None:
    report = probe_blocks(2)
    text = report.to_json()
    data = json.loads(text)
    bad = {
        "cut.json": text[:-300],
        "a_*b*.json": "{}",
        "bytes.json": b"\xff\x00",
        "newer.json": forge(data, ("version",), 99),
        "loss.json": forge(data, ("loss",), [1]),
        "module.json": forge(data, ("layers", "module", 1), 7),
        "order.json": forge(data, ("layers", "layer", 1), -1),
        "counts.json": forge(data, ("histograms", 0, "counts"), "x"),
        "stream.json": forge(data, ("streams", "1", "layers"), None),
        "place.json": forge(data, ("coverage", "parameters", "0.weight", "place"), "x"),
        "run.json": json.dumps({"format": "gradflow-run", "version": 1}),
    }
    upload(open_page(app), ("good.json", text))
    before = read_flow(app)["head"]["version"]
    upload(app, *bad.items())
    words = read_errors(app)
    for name in bad:
        assert name in words
    for field in ("loss", "module", "counts", "streams", "coverage", "format version 99"):
        assert field in words
    assert "Traceback" not in words
    assert read_flow(app)["head"]["version"] == before


def test_strange_numbers_and_names_are_drawn(app: AppTest) -> None:
    report = probe_blocks(2)
    layers = report.layers.assign(
        module=["<img src=x onerror=alert(1)>", *report.layers["module"][1:]],
        delta_norm=np.inf,
        delta_rms=np.nan,
        activation_std=1e300,
    )
    strange = dataclasses.replace(report, layers=layers, title="[a](//evil.example) $x$")
    upload(open_page(app), ("$x$ [a](//evil).json", strange.to_json()))
    assert "<img" not in json.dumps(read_flow(app)["data"])
    assert not read_errors(app)


def test_a_report_of_a_network_of_ours_leads_back_to_its_setting(app: AppTest) -> None:
    experiment = gf.Experiment(network=gf.MLP(depth=6, width=8), data=gf.Data(batch_size=20))
    upload(open_page(app), ("run.json", gf.run(experiment).to_json()))
    app.button(key="your_model_explore").click().run()
    app.switch_page("../../pages/explore.py")
    assert read_url(check_works(app.run())) == codec.to_query(experiment)


def test_a_session_keeps_four_files(app: AppTest) -> None:
    text = probe_blocks(1).to_json()
    upload(open_page(app), *((f"{i}.json", text) for i in range(6)))
    shown = app.selectbox(key="your_model_shown_widget")
    assert shown.options[:5] == [
        "5.json",
        "4.json",
        "3.json",
        "2.json",
        GALLERY["resnet_plain"].title,
    ]
    shown.set_value("lstm").run()
    assert read_url(check_works(app)) == {"report": "lstm"}


def test_a_watched_training_is_a_map_of_layers_and_steps(app: AppTest) -> None:
    experiment = gf.Experiment(network=gf.MLP(depth=3, width=8), data=gf.Data(batch_size=16))
    records = list(gf.train(experiment, gf.TrainingPlan(steps=4), frames=4))
    timeline = gf.Timeline.collect("mine", 1, records)
    upload(open_page(app), ("watch.json", timeline.to_json()))
    (chart,) = [c for c in list_charts(app) if c.head["name"] == "timeline_map"]
    heatmap = next(t for t in chart.spec["data"] if t["type"] == "heatmap")
    assert decode(heatmap["z"]).shape[0] == 3
    assert {name for row in heatmap["text"] for name in row} == set(timeline.modules)
    says = describe_map(timeline, "weight_grad_norm")
    assert says in chart.head["alt"]

    def read_lines() -> str:
        return " ".join(part.proto.body for part in app.get("html"))

    assert says in read_lines()
    app.session_state["timeline_quantity"] = "delta_norm"
    check_works(app.run())
    assert describe_map(timeline, "delta_norm") in read_lines()
    assert len(list_charts(app)) == 2  # one layer's distribution, step by step
    assert not read_errors(app)


def test_a_watched_training_says_what_is_wrong_and_what_to_do(app: AppTest) -> None:
    experiment = gf.Experiment(
        network=gf.MLP(depth=12, width=16, activation="sigmoid"), data=gf.Data(batch_size=32)
    )
    records = list(gf.train(experiment, gf.TrainingPlan(steps=3), frames=4))
    timeline = gf.Timeline.collect("mine", 1, records)
    step, report = [*timeline.reports.items()][-1]
    found = report.findings
    assert found[0].verdict is Verdict.VANISHING
    upload(open_page(app), ("watch.json", timeline.to_json()))
    words = " ".join(part.proto.body for part in app.get("html"))
    assert f"Step {step}" in words
    assert found[0].headline in words.replace("&#x27;", "'")
    advice = gf.advise(report)
    assert [row.line for row in advice] == [code.value for code in app.code[1:]]
    app.button(key="timeline_lesson_vanishing").click().run()
    app.switch_page("../../pages/diagnoses.py")
    assert read_url(check_works(app.run()))["about"] == "vanishing"


def test_a_row_of_the_map_opens_the_distribution_of_its_layer(app: AppTest) -> None:
    experiment = gf.Experiment(network=gf.MLP(depth=4, width=8), data=gf.Data(batch_size=16))
    records = list(gf.train(experiment, gf.TrainingPlan(steps=4), frames=4))
    timeline = gf.Timeline.collect("mine", 1, records)
    upload(open_page(app), ("watch.json", timeline.to_json()))
    for choice, shown in ((3, 3), (99, 4), (-2, 1)):
        figure = next(e.proto for e in app.get("bidi_component") if "timeline_map" in e.proto.id)
        check_works(send_event(app, figure.id, "choice", choice).run())
        assert app.selectbox(key="timeline_layer_number").value == shown


def test_a_remark_without_a_verdict_has_a_name_and_its_lines(app: AppTest) -> None:
    """A transformer without shortcuts: healthy at its start, and still told what is missing."""
    report = probe_tokens(Stack(4))
    open_page(app)
    upload(app, ("stack.json", report.to_json()))
    chips = [finding["chip"] for finding in read_flow(app)["head"]["findings"]]
    assert "also: a remark" in chips
    assert "also: " not in chips
    assert "x = x + self.mlp(self.norm2(x))" in app.code[1].value


def test_a_link_to_the_report_that_was_shown_before_a_file_shows_it_again(app: AppTest) -> None:
    open_page(app)
    upload(app, ("mine.json", probe_blocks(1).to_json()))
    assert read_url(app) == {}
    app.query_params["report"] = "resnet_plain"
    assert app.selectbox(key="your_model_shown_widget").value == "file: mine.json"
    check_works(app.run())
    assert app.selectbox(key="your_model_shown_widget").value == "resnet_plain"
    assert read_url(app) == {"report": "resnet_plain"}


def test_a_layer_of_one_file_is_not_chosen_in_the_next(app: AppTest) -> None:
    text = probe_blocks(2).to_json()
    upload(open_page(app), ("one.json", text))
    figure = next(e.proto for e in app.get("bidi_component") if "figure_flow" in e.proto.id)
    check_works(send_event(app, figure.id, "choice", 3).run())
    assert "selected=3" in read_flow(app)["head"]["address"]
    upload(app, ("two.json", text))
    assert "selected=3" not in read_flow(app)["head"]["address"]


def test_files_that_leave_are_named(app: AppTest) -> None:
    text = probe_blocks(1).to_json()
    upload(open_page(app), *((f"{i}.json", text) for i in range(4)))
    assert "left." not in " ".join(part.proto.body for part in app.get("html"))
    upload(app, ("4.json", text))
    assert "keeps 4 files: 0.json left." in " ".join(p.proto.body for p in app.get("html"))
    assert "reload" in " ".join(caption.value for caption in app.caption)
