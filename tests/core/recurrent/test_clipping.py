"""Clipping against torch.nn.utils, on the gradients of torch.nn's own layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

import gradflow as gf
from gradflow.core.recurrent.clipping import compare_clippings, measure_clipping, sweep_clipping
from gradflow.core.recurrent.record import compute_sequence_loss, prepare_pass
from tests.core.recurrent.oracle import make_experiment


def _clip_by_torch(
    spec: gf.SequenceExperiment, clip: object
) -> tuple[np.ndarray, list[np.ndarray]]:
    network, inputs, targets = prepare_pass(spec)
    compute_sequence_loss(spec, network(inputs), targets).backward()
    before = torch.cat([p.grad.flatten() for p in network.parameters()]).clone()
    clip(list(network.parameters()))
    return before.numpy(), [p.grad.numpy() for p in network.parameters()]


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm"])
@pytest.mark.parametrize(("norm", "value"), [(0.05, 0.01), (1e6, 1e6)])
def test_both_ways(cell, norm, value):
    spec = make_experiment(cell, loss_at="every")
    report = measure_clipping(spec, norm=norm, value=value)
    ways = (
        (report.by_norm, norm, lambda p: torch.nn.utils.clip_grad_norm_(p, norm)),
        (report.by_value, value, lambda p: torch.nn.utils.clip_grad_value_(p, value)),
    )
    for mine, threshold, clip in ways:
        before, after = _clip_by_torch(spec, clip)
        flat = np.concatenate([g.ravel() for g in after])
        assert report.norm == pytest.approx(np.linalg.norm(before), rel=1e-12)
        assert report.largest == pytest.approx(np.abs(before).max(), rel=1e-12)
        assert mine.threshold == threshold
        assert mine.norm == pytest.approx(np.linalg.norm(flat), rel=1e-12)
        np.testing.assert_allclose(mine.norms, [np.linalg.norm(g) for g in after], rtol=1e-11)
        cosine = before @ flat / np.linalg.norm(before) / np.linalg.norm(flat)
        assert mine.cosine == pytest.approx(cosine, rel=1e-12)
        assert mine.changed == pytest.approx(np.mean(before != flat), abs=1e-12)
    assert report.by_norm.cosine == pytest.approx(1, abs=1e-12)
    assert list(report.table.columns) == ["parameter", "before", "by_norm", "by_value"]
    if value < 1:
        assert report.by_value.cosine < 0.999


def test_by_hand():
    report = compare_clippings(
        {"w": torch.tensor([3.0, 4.0]), "b": torch.tensor([0.0])}, norm=1, value=3
    )
    assert report.norm == 5
    np.testing.assert_allclose(report.by_norm.norms, [5 / (5 + 1e-6), 0])
    np.testing.assert_allclose(report.by_value.norms, [18**0.5, 0])
    assert report.by_value.cosine == pytest.approx(21 / 5 / 18**0.5)
    assert report.by_value.changed == pytest.approx(1 / 3)


def test_a_gradient_of_zero_has_no_direction():
    report = compare_clippings({"w": torch.zeros(3)}, norm=1, value=1)
    assert np.isnan(report.by_norm.cosine)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_becomes_what_torch_makes_of_it(bad):
    gradients = {"w": torch.tensor([3.0, bad]), "b": torch.tensor([4.0])}
    report = compare_clippings(gradients, norm=1, value=2)
    for mine, clip, threshold in (
        (report.by_norm, clip_grad_norm_, 1),
        (report.by_value, clip_grad_value_, 2),
    ):
        parameters = [torch.zeros_like(g, requires_grad=True) for g in gradients.values()]
        for parameter, gradient in zip(parameters, gradients.values(), strict=True):
            parameter.grad = gradient.clone()
        clip(parameters, threshold)
        expected = [float(p.grad.norm()) for p in parameters]
        np.testing.assert_allclose(mine.norms, expected)


@pytest.mark.parametrize(("norm", "value", "name"), [(0.0, 1, "norm"), (1, -1.0, "value")])
def test_thresholds_are_positive(norm, value, name):
    with pytest.raises(gf.InvalidExperiment, match=f"{name}: .* above 0"):
        compare_clippings({"w": torch.ones(1)}, norm=norm, value=value)


def test_the_course_follows_the_threshold() -> None:
    spec = make_experiment("lstm", seed=2)
    report, course = sweep_clipping(spec, norm=0.05, value=0.002)
    network, inputs, targets = prepare_pass(spec)
    F.cross_entropy(network(inputs)[-1], targets[-1]).backward()
    parameters = list(network.parameters())
    gradients = [parameter.grad.clone() for parameter in parameters]
    before = torch.cat([gradient.flatten() for gradient in gradients])
    assert {0.05, 0.002} <= set(course.thresholds)
    assert course.thresholds[-1] == pytest.approx(2 * float(before.norm()))
    for c, by_norm, by_value in zip(
        course.thresholds, course.norm_cosine, course.value_cosine, strict=True
    ):
        for clip, cosine in ((clip_grad_norm_, by_norm), (clip_grad_value_, by_value)):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient.clone()
            clip(parameters, c)
            after = torch.cat([p.grad.flatten() for p in parameters])
            assert cosine == pytest.approx(float(F.cosine_similarity(before, after, dim=0)))
    assert report.by_norm.threshold == 0.05
