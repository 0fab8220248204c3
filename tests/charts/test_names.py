"""Names of modules on axes and in hovers, beside those that the model has."""

import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.charts import (
    compare_flow_figure,
    compare_gradients_figure,
    flow_figure,
    forward_statistics_figure,
    gradient_norms_figure,
    layer_histograms_figure,
)
from gradflow.charts.compare.data import ComparedSetting
from tests.charts.figures import decode, find_traces, to_browser

FIGURES = [gradient_norms_figure, forward_statistics_figure]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(torch.tanh(self.up(x)))


class Model(nn.Module):
    def __init__(self, blocks: int, width: int = 6) -> None:
        super().__init__()
        self.embed = nn.Linear(width, width)
        self.trunk = nn.ModuleList(Block(width) for _ in range(blocks))
        self.head = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        for block in self.trunk:
            x = block(x)
        return self.head(x)


def probe(model: nn.Module) -> gf.Report:
    torch.manual_seed(0)
    return gf.probe(model, torch.randn(16, 6), torch.randint(3, (16,)))


def read_labels(data: dict) -> dict[str, float]:
    """Read the labels of the axis with their places, without what sets a name a line lower."""
    axis = data["layout"]["xaxis"]
    texts = [text.replace("\u00a0<br>", "") for text in axis["ticktext"]]
    return dict(zip(texts, axis["tickvals"], strict=True))


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_of_a_model_with_blocks_name_these_and_its_modules(draw):
    report = probe(Model(4))
    data = to_browser(draw(report))
    names = find_traces(data, name="modules")[0]
    assert data["data"][0] is names  # so it stands first in the hover
    assert names["hovertext"] == report.layers["module"].tolist()
    assert decode(names["x"]).tolist() == report.layers["layer"].tolist()
    lines = [t for t in data["data"] if t["name"] != "modules" and "stream" not in t["name"]]
    assert not any("trunk" in text for line in lines for text in line["hovertext"])
    labels = read_labels(data)
    assert labels == read_labels(to_browser(flow_figure(report)))
    # Block i has the layers 2i + 2 and 2i + 3.
    assert [labels[str(i)] for i in range(4)] == [2.5, 4.5, 6.5, 8.5]
    assert labels["trunk"] == pytest.approx(5.5, abs=0.1)


@pytest.mark.parametrize("draw", [flow_figure, *FIGURES])
def test_layers_without_blocks_have_their_own_names_below_their_numbers(draw):
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
            self.head = nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.tanh(self.second(torch.tanh(self.first(x)))))

    labels = read_labels(to_browser(draw(probe(Plain()))))
    assert list(labels) == ["1", "first", "2", "second", "3", "head"]
    assert [round(labels[name]) for name in ("first", "second", "head")] == [1, 2, 3]


@pytest.mark.parametrize("draw", [flow_figure, *FIGURES])
def test_numbers_stand_alone_where_names_would_be_other_numbers(draw):
    plain = probe(nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)))
    network = gf.MLP(depth=3, width=6)
    own = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=16)))
    for report in (plain, own):
        assert "groups" not in to_browser(draw(report))["layout"].get("meta", {})


def test_a_module_whose_name_is_a_number_is_called_a_module():
    report = probe(nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)))
    data = to_browser(gradient_norms_figure(report))
    assert find_traces(data, name="modules")[0]["hovertext"] == ["module 0", "module 2"]
    title = to_browser(layer_histograms_figure(report, 2))["layout"]["title"]["text"]
    assert "Layer 2 · module 2" in title


def test_models_with_the_same_modules_are_compared_by_name():
    def compare(*models: nn.Module) -> dict:
        reports = map(probe, models)
        entries = [ComparedSetting(a, a, r) for a, r in zip("AB", reports, strict=True)]
        return to_browser(compare_gradients_figure(entries))

    assert "trunk" in read_labels(compare(Model(3), Model(3)))
    assert "ticktext" not in compare(Model(3), Model(4))["layout"]["xaxis"]


def test_what_enters_the_first_block_is_compared_as_well():
    reports = [probe(Model(n)).stream for n in (3, 3, 5)]
    assert all(report is not None for report in reports)
    entries = [ComparedSetting(a, a, r) for a, r in zip("ABC", reports, strict=True)]
    same = entries[:2]
    lines = to_browser(compare_gradients_figure(same, gradient="activation_grad"))
    assert lines["layout"]["xaxis"]["range"] == [-0.5, 3.5]
    assert lines["layout"]["yaxis"]["title"]["text"] == "gradient norm ‖∂L/∂h‖"
    assert [decode(t["x"]).tolist() for t in lines["data"]] == [[0, 1, 2, 3]] * 2
    assert "branch 2 of 3: trunk.1" in lines["data"][0]["hovertext"][2]
    # By relative depth all of them begin and end together.
    figure = compare_gradients_figure(entries, gradient="activation_grad", relative=True)
    ends = [decode(t["x"])[[0, -1]].tolist() for t in to_browser(figure)["data"]]
    assert ends == [[1, 6]] * 3
    flows = to_browser(compare_flow_figure(same, gradient="activation_grad"))
    for trace in find_traces(flows, type="heatmap"):
        assert (trace["x0"], trace["dx"]) == (0, 1)
    assert flows["layout"]["xaxis2"]["title"]["text"] == "branch"
    assert flows["layout"]["xaxis2"]["ticktext"] == ["start", "1", "2", "3"]
