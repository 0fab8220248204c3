"""What a notebook shows of a report: a card that is small and needs nothing else."""

import re
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

import gradflow as gf


def run(**network: object) -> gf.Report:
    return gf.run(gf.Experiment(network=gf.MLP(**network), data=gf.Data(batch_size=32)))


def test_a_card_says_what_is_to_say_and_draws_the_flow():
    report = run(depth=30, width=16, activation="sigmoid")
    card = report._repr_html_()
    words = " ".join(ET.fromstring(card.replace("&nbsp;", " ")).itertext())
    assert str(report.findings[0].text) in words
    assert str(report.coverage.text) in words
    assert card.count("<image") == 2
    assert "10⁻" in words
    assert len(card) < 60_000
    # Nothing is fetched and nothing runs.
    assert "<script" not in card
    assert set(re.findall(r'(?:href|src)="([^":;]+)', card)) == {"data"}


def test_names_are_quoted():
    model = nn.Sequential(nn.Linear(2, 2))
    report = gf.probe(model, torch.ones(3, 2), torch.tensor([0, 1, 0]), title="<script>alert(1)")
    assert "<script" not in report._repr_html_()


def test_a_report_of_nothing_is_a_card_too():
    report = gf.probe(nn.Identity(), torch.randn(2, 3), torch.tensor([0, 1]))
    assert "No layer with weights" in report._repr_html_()
    assert "<svg" not in report._repr_html_()


def test_a_stream_is_drawn_by_its_own_gradient():
    report = run(depth=8, width=16, connection="residual")
    stream = report.stream
    assert "∂L/∂h" in stream._repr_html_()
    heatmaps = [trace for trace in gf.figure(stream).data if trace.type == "heatmap"]
    assert len(heatmaps) == 2


def test_a_report_is_one_line():
    assert repr(run(depth=3, width=16)).startswith("<Report 'tanh, ")
    assert len(repr(run(depth=30, width=16))) < 200


def test_before_and_after():
    sick = run(depth=30, width=64, activation="sigmoid")
    cured = run(depth=30, width=64, activation="relu", initialization="kaiming_normal")
    comparison = sick.compare(cured)
    assert "vanishing" in {finding.verdict for finding in comparison.gone}
    assert "healthy" in {finding.verdict for finding in comparison.new}
    table = comparison.layers
    assert table["layer_after"].tolist() == list(range(1, 31))
    assert (table["delta_rms_after"] > table["delta_rms_before"])[:20].all()
    assert "Gone: The gradient shrinks" in str(comparison.text)
    assert comparison._repr_html_().count("<svg") == 2


def test_layers_without_a_partner():
    deep, shallow = run(depth=5, width=16), run(depth=3, width=16)
    table = deep.compare(shallow).layers
    names = table["module"].tolist()
    assert names == list(deep.layers["module"])
    assert table["layer_after"].notna().sum() == 3
    assert table["delta_rms_before"].tolist() == pytest.approx(list(deep.layers["delta_rms"]))


def test_a_card_names_blocks_and_counts_them():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.down(torch.tanh(self.up(x)))

    model = nn.Sequential()
    model.add_module("stem<", nn.Linear(4, 4))
    model.add_module("trunk", nn.Sequential(*(Block() for _ in range(5))))
    report = gf.probe(model, torch.randn(8, 4), torch.randint(4, (8,)))

    def read_labels(shown: gf.Report) -> dict[str, float]:
        card = ET.fromstring(shown._repr_html_().replace("&nbsp;", " "))
        texts = [node for node in card.iter() if node.tag.endswith("text")]
        return {node.text or "": float(node.get("x", "0")) for node in texts}

    labels = read_labels(report)
    # 11 layers share 680 pixels from 74 on; block i has the layers 2i + 2 and 2i + 3.
    for block in range(5):
        assert labels[str(block)] == pytest.approx(74 + (2 * block + 2) * 680 / 11, abs=1)
    assert {"stem<", "trunk", "blocks, from the input (left) to the loss (right)"} <= set(labels)
    stream = report.stream
    assert stream is not None
    assert {"start", "1", "5"} <= set(read_labels(stream))
    assert "blocks 5" in stream._repr_html_()
    assert "5 blocks" in repr(stream)
    assert len(repr(report.coverage)) < 200
