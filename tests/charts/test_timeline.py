"""Maps and sentences of a training that was watched, beside its numbers."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.charts.training.data import QUANTITIES
from gradflow.charts.training.rows import name_rows
from gradflow.charts.training.timeline import describe_map, list_quantities
from tests.charts.figures import decode, find_traces, read_words, to_browser

KINDS = ("attn", "up", "down")


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn, self.up, self.down = (nn.Linear(width, width) for _ in KINDS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(x)
        return x + self.down(F.gelu(self.up(x)))


class Model(nn.Module):
    def __init__(self, blocks: int = 4, width: int = 6) -> None:
        super().__init__()
        self.embed = nn.Linear(width, width)
        self.h = nn.ModuleList(Block(width) for _ in range(blocks))
        self.head = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        for block in self.h:
            x = block(x)
        return self.head(x)


def watch(model: nn.Module, steps: int = 5) -> gf.Timeline:
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = torch.randn(16, 6), torch.randint(3, (16,))
    with gf.watch(model, every=2) as watched:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return watched.timeline()


@pytest.fixture(scope="module")
def timeline() -> gf.Timeline:
    torch.manual_seed(0)
    return watch(Model())


@pytest.mark.parametrize("order", ["layer", "kind"])
@pytest.mark.parametrize("quantity", ["weight_grad_norm", "update_ratio", "delta_norm"])
def test_each_row_is_the_layer_whose_name_its_hover_says(timeline, quantity, order):
    data = to_browser(gf.figure(timeline, quantity=quantity, order=order))
    (drawn,) = find_traces(data, type="heatmap")
    rows = [{*row} for row in drawn["text"]]
    names = [name for row in rows for name in row]
    assert sorted(names) == sorted(timeline.modules)
    assert all(len(row) == 1 for row in rows)
    places = [timeline.modules.index(name) for name in names]
    values = timeline.matrix(quantity)[places]
    # Choosing a row means its layer, by mouse and by keys.
    assert decode(drawn["customdata"])[:, 0].tolist() == [place + 1 for place in places]
    (targets,) = find_traces(data, name="layers")
    assert targets["customdata"] == [place + 1 for place in places]
    assert [text.partition(",")[0] for text in targets["hovertext"]] == names
    np.testing.assert_allclose(decode(drawn["z"]), np.log10(values), rtol=1e-5)
    if order == "layer":
        assert names == list(timeline.modules)
    else:
        kinds = [name.rpartition(".")[2] for name in names]
        assert kinds == ["embed", *(kind for kind in KINDS for _ in range(4)), "head"]


def test_rows_carry_the_names_of_their_blocks_or_kinds(timeline):
    axis = to_browser(gf.figure(timeline))["layout"]["yaxis"]
    labels = dict(zip(axis["ticktext"], axis["tickvals"], strict=True))
    # Block i has the rows 3i + 2 to 3i + 4.
    assert [labels[f"h.{i}"] for i in range(4)] == [3, 6, 9, 12]
    assert (labels["embed"], labels["head"]) == (1, 14)
    axis = to_browser(gf.figure(timeline, order="kind"))["layout"]["yaxis"]
    assert axis["ticktext"] == ["embed", "attn ×4", "up ×4", "down ×4", "head"]
    assert axis["tickvals"] == [1, 3.5, 7.5, 11.5, 14]


def test_many_rows_have_the_names_for_which_there_is_room():
    modules = ["wte", *(f"h.{i}.{kind}" for i in range(60) for kind in KINDS), "x" * 80]
    rows = name_rows(modules)
    gaps = np.diff([at for at, _text in rows.labels]) * 330 / len(modules)
    assert min(gaps) >= 15
    assert all(text.startswith("h.") for _at, text in rows.labels[1:-1])
    assert not rows.edges  # lines would hide the rows
    assert max(len(text) for _at, text in name_rows(["x" * 80, "y" * 80]).labels) <= 18


def test_layers_whose_names_are_numbers_are_numbered():
    timeline = watch(nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)), 1)
    data = to_browser(gf.figure(timeline))
    assert data["layout"]["yaxis"]["ticktext"] == ["1", "2"]
    assert data["layout"]["yaxis"]["title"]["text"] == "layer"
    assert find_traces(data, type="heatmap")[0]["text"] == [["layer 1 (0)"], ["layer 2 (2)"]]
    assert "layer" in describe_map(timeline, "weight_grad_norm")


def test_a_sentence_names_the_extremes_of_the_last_step(timeline):
    table = timeline.layers().set_index("module")
    last, first = table[table["step"] == 5], table[table["step"] == 1]
    says = describe_map(timeline, "weight_grad_norm")
    norms = last["weight_grad_norm"]
    assert f"largest in {norms.idxmax()} " in says
    assert f"smallest in {norms.idxmin()} " in says
    change = np.log(norms / first["weight_grad_norm"]).abs()
    assert f"changed most in {change.idxmax()}, " in says


def test_only_quantities_that_are_known_are_offered(timeline):
    assert "update_ratio" in list_quantities(timeline)
    for name in QUANTITIES:
        is_known = bool(timeline.layers()[name].notna().any())
        assert (name in list_quantities(timeline)) == is_known
    assert "saturated" not in list_quantities(timeline)


def test_a_timeline_stands_alone_and_says_what_it_shows(timeline):
    words = read_words(to_browser(gf.figure(timeline)))
    assert "Model · Gradient norm ‖∂L/∂W‖" in words
    assert "<b></b>" not in words
    words = read_words(to_browser(gf.figure(timeline, layer=2)))
    assert "Model · h.0.attn" in words


def test_names_are_escaped(timeline):
    names = ("<i>", *timeline.modules[1:])
    strange = gf.Timeline.collect(
        "<b>", 1, [dataclasses.replace(r, modules=names) for r in timeline.records]
    )
    for options in ({}, {"layer": 1}):
        assert "<i>" not in str(to_browser(gf.figure(strange, **options)))


def test_a_quantity_that_was_lost_says_since_when(timeline: gf.Timeline) -> None:
    def lose(rows: list[int], since: int) -> gf.Timeline:
        records = []
        for i, record in enumerate(timeline.records):
            norms = record.layers["weight_grad_norm"].copy()
            norms[rows] = np.nan if i >= since else norms[rows]
            layers = {**record.layers, "weight_grad_norm": norms}
            lost = float(i >= since)
            records.append(dataclasses.replace(record, layers=layers, grad_nonfinite=lost))
        return dataclasses.replace(timeline, records=records)

    everywhere = [*range(len(timeline.modules))]
    step = timeline.steps[1]
    says = describe_map(lose(everywhere, 1), "weight_grad_norm")
    assert says == f"‖∂L/∂W‖ is NaN or infinite in all layers since step {step}."
    one = describe_map(lose([2], 1), "weight_grad_norm")
    assert f"In {timeline.modules[2]} it is NaN or infinite since step {step}." in one
    two = describe_map(lose([2, 4], 1), "weight_grad_norm")
    assert f"In 2 layers it is NaN or infinite, in {timeline.modules[2]} since step {step}." in two
    # A layer that never had a gradient is not lost.
    frozen = dataclasses.replace(
        lose([2], 0),
        records=[
            dataclasses.replace(record, grad_nonfinite=0.0) for record in lose([2], 0).records
        ],
    )
    assert "NaN" not in describe_map(frozen, "weight_grad_norm")
