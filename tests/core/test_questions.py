"""What people ask about: their data, targets and outputs, against plain PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.codec import adapt_choices, from_fields, switch_architecture, to_fields
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.theory import Standing, predict
from gradflow.core.training import TrainingPlan, train
from gradflow.core.training.task import make_task
from tests.core.oracles import list_linears

SMALL = {"depth": 4, "width": 24, "batch_size": 32, "device": "cpu", "dtype": "float64"}


def take_column(values: torch.Tensor) -> torch.Tensor:
    return values.to(torch.float64).reshape(-1, 1)


# Settings, and what a person would write for activation and loss; ``y`` are the drawn targets.
QUESTIONS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "softmax twice": (
        {"readout": "softmax"},
        lambda z: torch.softmax(z, 1),
        nn.CrossEntropyLoss(),
    ),
    "log-softmax before cross-entropy": (
        {"readout": "log_softmax"},
        lambda z: torch.log_softmax(z, 1),
        nn.CrossEntropyLoss(),
    ),
    "a dead readout": ({"readout": "relu"}, torch.relu, nn.CrossEntropyLoss()),
    "BCE": (
        {"targets": "binary", "readout": "sigmoid", "loss": "bce"},
        torch.sigmoid,
        lambda p, y: nn.BCELoss()(p, take_column(y)),
    ),
    "softmax of one unit": (
        {"targets": "binary", "readout": "softmax", "loss": "bce"},
        lambda z: torch.softmax(z, 1),
        lambda p, y: nn.BCELoss()(p, take_column(y)),
    ),
    "sigmoid twice": (
        {"targets": "binary", "readout": "sigmoid", "loss": "bce_with_logits", "source": "moons"},
        torch.sigmoid,
        lambda p, y: nn.BCEWithLogitsLoss()(p, take_column(y)),
    ),
    "a sigmoid per class": (
        {"loss": "bce_with_logits"},
        lambda z: z,
        lambda z, y: nn.BCEWithLogitsLoss()(z, F.one_hot(y, 10).to(z)),
    ),
    "huge targets": (
        {"targets": "numbers", "loss": "mse", "target_scale": 1e8, "inputs": "raw"},
        lambda z: z,
        lambda z, y: ((z - take_column(y)) ** 2).mean(),
    ),
    "absolute error": (
        {"targets": "numbers", "loss": "l1", "readout": "tanh", "source": "teacher"},
        torch.tanh,
        lambda z, y: (z - take_column(y)).abs().mean(),
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("connection", ["plain", "dense"])
def test_the_report_has_the_numbers_of_plain_pytorch(name, connection):
    settings, activation, loss = QUESTIONS[name]
    experiment = from_fields(SMALL | settings | {"connection": connection})
    report = gf.run(experiment)
    x, y = draw_batch(experiment.data, experiment.seed)
    layers = list_linears(build_network(experiment, x).double())
    h, signals = x.double(), []
    for layer in layers[:-1]:
        signals.append(layer(h))
        h = (
            torch.tanh(signals[-1])
            if connection == "plain"
            else torch.cat([h, torch.tanh(signals[-1])], 1)
        )
    signals.append(layers[-1](h))
    outputs = activation(signals[-1])
    value = loss(outputs, y)
    gradients = torch.autograd.grad(value, [*signals, outputs], allow_unused=True)
    assert report.loss == pytest.approx(value.item(), rel=1e-9)
    table = report.layers
    expected = [g.norm().item() for g in gradients]
    assert_allclose(table["delta_norm"], expected[:-1], rtol=1e-6, atol=1e-300)
    assert table["activation_grad_norm"].iloc[-1] == pytest.approx(expected[-1], rel=1e-6)
    assert table["activation_rms"].iloc[-1] == pytest.approx(
        outputs.square().mean().sqrt().item(), rel=1e-6
    )


def test_bce_keeps_what_is_not_a_number():
    """PyTorch refuses NaN; a network that has overflowed is shown all the same."""
    report = gf.run(
        from_fields(
            SMALL
            | {"dtype": "float16", "activation": "relu", "initialization": "normal"}
            | {"init_std": 10.0, "depth": 12, "readout": "softmax", "loss": "bce"}
        )
    )
    assert math.isnan(report.loss)


def test_raw_inputs_are_those_that_are_stored():
    images, labels = load_digits(return_X_y=True)
    x, y = draw_batch(gf.Data(inputs="raw", batch_size=1797), 3)
    stored = {
        tuple(row): label for row, label in zip(images.tolist(), labels.tolist(), strict=True)
    }
    assert all(
        stored[tuple(row)] == label for row, label in zip(x.tolist(), y.tolist(), strict=True)
    )
    shifted, _ = draw_batch(gf.Data(inputs="raw", batch_size=1797, scale=16.0, offset=-8.0), 3)
    assert torch.equal(shifted, 16 * x - 8)


@pytest.mark.parametrize("source", ["digits", "teacher", "moons", "spirals"])
def test_numbers_are_a_function_of_the_inputs(source):
    """They do not depend on units or batch size, and equal inputs have equal answers."""
    data = gf.Data(source=source, targets="numbers", batch_size=500)
    _x, y = draw_batch(data, 1)
    assert y.shape == (500, 1)
    assert y.mean().item() == pytest.approx(0, abs=1e-5)
    assert y.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    other = data.model_copy(update={"scale": 100.0, "offset": 7.0, "target_scale": 1e8})
    assert_allclose(draw_batch(other, 1)[1], 1e8 * y.double(), rtol=1e-4, atol=1e3)
    assert not torch.allclose(draw_batch(data, 2)[1], y, atol=0.1)


def test_gaussian_noise_has_random_answers():
    data = gf.Data(source="gaussian", targets="numbers", batch_size=4000, dimension=3)
    x, y = draw_batch(data, 0)
    design = torch.cat([x, x**2, torch.ones(len(x), 1)], 1)
    left = y - design @ torch.linalg.lstsq(design, y).solution
    assert left.square().mean() > 0.95 * y.square().mean()


def test_yes_or_no_is_about_the_second_half_of_the_classes():
    for source, half in (("digits", 5), ("moons", 1)):
        classes, binary = (
            draw_batch(gf.Data(source=source, targets=t), 0)[1] for t in ("classes", "binary")
        )
        assert torch.equal(binary, (classes >= half).long())


LEARNABLE = [
    ({"source": "teacher"}, {}),
    ({"source": "teacher", "targets": "numbers", "loss": "mse"}, {}),
    ({"source": "digits", "targets": "numbers", "loss": "l1"}, {}),
    ({"source": "digits", "targets": "binary", "loss": "bce", "readout": "sigmoid"}, {}),
]


@pytest.mark.parametrize(("settings", "plan"), LEARNABLE)
def test_tasks_can_be_learned(settings, plan):
    """On samples that training never saw the loss falls below that of the best constant."""
    experiment = from_fields(
        {"depth": 3, "width": 64, "activation": "relu", "initialization": "kaiming_normal"}
        | {"batch_size": 64, "device": "cpu"}
        | settings
    )
    options = {"steps": 250, "optimizer": "adam", "learning_rate": 0.005, "reports": 0}
    records = list(train(experiment, TrainingPlan(**options | {"record_every": 250})))
    last = records[-1]
    held_out = make_task(experiment).held_out[1].double()
    if experiment.data.targets == "numbers":
        constant = (held_out - held_out.median()).abs().mean()
        constant = constant if experiment.loss == "l1" else held_out.var()
        assert last.held_out_loss < 0.6 * constant
        assert math.isnan(last.accuracy)
        assert math.isnan(last.held_out_accuracy)
    else:
        most = held_out.long().bincount().max() / len(held_out)
        assert last.held_out_accuracy > most + 0.25


@pytest.mark.parametrize(
    ("settings", "outputs", "right"),
    [
        ({"loss": "bce_with_logits"}, [-0.3, 0.3, 0.6, -0.1], [0, 1, 1, 0]),
        ({"loss": "bce", "readout": "sigmoid"}, [0.3, 0.6, 0.9, 0.1], [0, 1, 1, 0]),
        # After a second sigmoid everything is above 0: people compare with ½ there.
        ({"loss": "bce_with_logits", "readout": "sigmoid"}, [0.3, 0.6, 0.9, 0.1], [0, 1, 1, 0]),
        ({"loss": "mse"}, [0.3, 0.6, 0.9, -0.1], [0, 1, 1, 0]),
    ],
)
def test_accuracy_of_one_unit(settings, outputs, right):
    task = make_task(from_fields(SMALL | {"targets": "binary"} | settings))
    column = torch.tensor(outputs).reshape(-1, 1)
    assert task.accuracy(column, torch.tensor(right)) == 1
    assert task.accuracy(column, 1 - torch.tensor(right)) == 0


def test_batch_norm_of_one_image_is_that_of_its_pixels():
    conv = {"architecture": "conv", "depth": 4, "channels": 6, "batch_size": 1, "dtype": "float64"}
    batch, instance = (
        gf.run(from_fields(conv | {"normalization": code})).layers for code in ("batch", "instance")
    )
    assert_allclose(batch["delta_norm"], instance["delta_norm"], rtol=1e-9)
    with pytest.raises(gf.InvalidExperiment, match=r"batch_size: 1 .*batch normalization"):
        from_fields(
            conv
            | {"normalization": "batch", "image_size": 4, "downsampling": "max_pool"}
            | {"stages": 3}
        )


def test_impossible_questions_are_refused():
    with pytest.raises(gf.InvalidExperiment, match=r"loss: cross_entropy .*targets=numbers.* mse"):
        gf.Experiment(data=gf.Data(targets="numbers"))
    with pytest.raises(gf.InvalidExperiment, match=r"loss: bce_with_logits .*targets=numbers"):
        gf.Experiment(data=gf.Data(targets="numbers"), loss="bce_with_logits")
    with pytest.raises(gf.InvalidExperiment, match=r"loss: bce needs .*readout=none.*sigmoid"):
        gf.Experiment(loss="bce")
    with pytest.raises(gf.InvalidExperiment, match=r"target_scale: .*no effect"):
        gf.Data(target_scale=3.0)
    with pytest.raises(gf.InvalidExperiment, match=r"inputs: .*no effect"):
        gf.Data(source="gaussian", inputs="raw")


def test_choices_follow_each_other():
    """Whatever is chosen, the network can be run."""
    values = to_fields(gf.Experiment())
    for name, code in (
        ("targets", "numbers"),
        ("readout", "softmax"),
        ("loss", "bce"),
        ("readout", "tanh"),
        ("loss", "bce"),
        ("loss", "cross_entropy"),
        ("targets", "binary"),
        ("targets", "classes"),
    ):
        values = adapt_choices(name, values | {name: code})
        experiment = from_fields(values)
        values = to_fields(experiment)
        assert values[name] == code
    kept = switch_architecture(values | {"readout": "softmax"}, "transformer")
    assert kept["readout"] == "softmax"


def test_theory_takes_inputs_as_they_are():
    """The first layer’s z has the inputs’ mean square, whatever their mean and scale."""

    for settings in ({"offset": 30.0}, {"scale": 100.0}, {"scale": 1e-3}, {"offset": 3.0}):
        experiment = from_fields(
            SMALL | {"width": 512, "source": "gaussian", "dimension": 256} | settings
        )
        report = gf.run(experiment)
        prediction = predict(experiment, report)
        measured = report.layers["preactivation_rms"]
        assert_allclose(prediction.preactivation_rms[:-1], measured[:-1], rtol=0.1)


def test_theory_says_where_it_knows_nothing():

    behind = from_fields(SMALL | {"width": 128, "readout": "softmax"})
    prediction = predict(behind, gf.run(behind))
    assert np.isnan(prediction.activation_rms).tolist() == [False, False, False, True]
    assert np.isfinite(prediction.delta_norm).all()
    alike = from_fields(
        SMALL | {"width": 256, "source": "gaussian", "offset": 100.0, "activation": "sigmoid"}
    )
    doubtful = predict(alike, gf.run(alike))
    assert doubtful.standing is Standing.QUALITATIVE
    assert "not saturated" in str(doubtful.reasons[0])
