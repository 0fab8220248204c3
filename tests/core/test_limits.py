"""Experiments that would be too much for a shared server."""

from __future__ import annotations

import pytest

import gradflow as gf


@pytest.mark.parametrize(
    ("network", "data"),
    [
        ({"depth": 200, "width": 4096}, {}),
        ({"depth": 200, "width": 256}, {"source": "gaussian", "batch_size": 10_000}),
        ({"depth": 200, "width": 300, "connection": "dense"}, {}),
        ({"depth": 10, "width": 4096, "initialization": "orthogonal"}, {}),
        ({"depth": 10, "width": 4096, "initialization": "lsuv"}, {}),
    ],
)
def test_too_much(network, data):
    with pytest.raises(
        gf.InvalidExperiment, match=r"need .* allowed are at most .*lower"
    ) as caught:
        gf.Experiment(network=gf.MLP(**network), data=gf.Data(**data))
    assert {"depth", "width", "batch_size"} <= set(caught.value.fields)
    for name in ("depth, width, batch_size: ", "“Depth”, “Width” and “Batch size”", "GRADFLOW_MAX"):
        assert name in str(caught.value)


def test_a_list_of_widths_is_what_to_lower():
    with pytest.raises(gf.InvalidExperiment, match=r"^widths, batch_size: .*“Widths, one by one”"):
        gf.Experiment(network=gf.MLP(widths=(4096,) * 150))


def test_of_a_transformer_the_blocks_and_the_width():
    network = gf.Transformer(depth=48, width=1024)
    with pytest.raises(gf.InvalidExperiment, match=r"48 blocks, width 1,024.*“Blocks”, “Width”"):
        gf.Experiment(network=network)


def test_the_benchmarks_fit():
    gf.Experiment(
        network=gf.MLP(widths=range(750, 299, -50)),
        data=gf.Data(source="gaussian", dimension=800, batch_size=2000),
    )
    gf.Experiment(network=gf.MLP(depth=100, width=128), dtype="float64")
    gf.Experiment(network=gf.MLP(depth=60, width=128, connection="dense"))


def test_the_owner_of_the_server_can_raise_the_limits(monkeypatch):
    settings = {"network": gf.MLP(depth=60, width=2048), "data": gf.Data(batch_size=1024)}
    monkeypatch.setenv("GRADFLOW_MAX_GIB", "1")
    with pytest.raises(gf.InvalidExperiment, match="GiB"):
        gf.Experiment(**settings)
    monkeypatch.setenv("GRADFLOW_MAX_GIB", "64")
    with pytest.raises(gf.InvalidExperiment, match="TFLOP"):
        gf.Experiment(**settings)
    monkeypatch.setenv("GRADFLOW_MAX_TFLOP", "100")
    assert gf.Experiment(**settings)


def test_memory_counts_the_number_format():
    network, data = gf.MLP(depth=200, width=1024), gf.Data(batch_size=64)
    with pytest.raises(gf.InvalidExperiment, match="GiB"):
        gf.Experiment(network=network, data=data, dtype="float64")
    assert gf.Experiment(network=network, data=data, dtype="bfloat16")


def test_large_numbers_are_written_out():
    with pytest.raises(gf.InvalidExperiment, match=r"need 1,\d\d0 GiB of memory"):
        gf.Experiment(
            network=gf.ConvNet(
                depth=60, channels=512, connection="dense", growth_rate=64, image_size=64
            ),
            data=gf.Data(batch_size=600),
        )


def test_what_only_a_rehearsal_finds_too_large_is_refused_before_it_runs(monkeypatch):
    """The inputs of its layers alone take 0.17 GiB, the tanh of normalized values twice as much."""
    network = gf.MLP(depth=60, width=512, normalization="layer")
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=1500))
    monkeypatch.setenv("GRADFLOW_MAX_GIB", "0.3")
    with pytest.raises(gf.InvalidExperiment, match=r"need 0\.\d+ GiB of memory, .*“Batch size”"):
        gf.run(experiment)
