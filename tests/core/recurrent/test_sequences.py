"""Batches of sequences: shapes, determinism, and the right answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import gradflow as gf
from gradflow.core.catalog import SequenceSource
from gradflow.core.recurrent.data import draw_sequences


@pytest.mark.parametrize("source", SequenceSource)
def test_shapes_types_and_determinism(source):
    row = gf.Sequences(source=source).row
    fields = {"length": 30, "features": 4, "recall": 3}
    spec = gf.Sequences(
        source=source, batch_size=7, **{n: v for n, v in fields.items() if n in row.parameters}
    )
    inputs, targets = draw_sequences(spec, 1)
    assert inputs.shape == (spec.steps, 7, spec.inputs)
    assert targets.shape == (spec.steps, 7)
    assert inputs.dtype == torch.float32
    assert targets.dtype == (torch.float32 if row.regression else torch.int64)
    again, other = draw_sequences(spec, 1), draw_sequences(spec, 2)
    assert torch.equal(inputs, again[0])
    assert torch.equal(targets, again[1])
    assert not torch.equal(inputs, other[0])
    if not row.regression:
        assert targets.min() >= 0
        assert targets.max() < row.outputs


def test_digits_are_read_row_by_row_and_pixel_by_pixel():
    rows, labels = draw_sequences(gf.Sequences(source="digit_rows", batch_size=20), 0)
    pixels, same = draw_sequences(gf.Sequences(source="digit_pixels", batch_size=20), 0)
    images, true = load_digits(return_X_y=True)
    images = (images - images.mean()) / images.std()
    for k in range(20):
        image = rows[:, k].reshape(64).numpy()
        np.testing.assert_array_equal(image, pixels[:, k, 0])
        distance = np.abs(images - image).max(1)
        assert distance.min() < 1e-6
        assert set(labels[:, k].tolist()) == {true[distance.argmin()]}
    assert torch.equal(labels[0], same[-1])


def test_adding_problem():
    inputs, targets = draw_sequences(gf.Sequences(source="adding", length=21, batch_size=500), 4)
    values, marks = inputs.double().numpy().transpose(2, 0, 1)
    assert set(np.unique(marks)) == {0.0, 1.0}
    assert (marks.sum(0) == 2).all()
    assert (marks[:10].sum(0) == 1).all()
    assert (marks[10:].sum(0) == 1).all()
    assert 0 <= values.min() <= values.max() < 1
    for k in range(500):
        first, second = np.flatnonzero(marks[:, k])
        assert targets[-1, k].item() == pytest.approx(values[first, k] + values[second, k])
        assert (targets[:first, k] == 0).all()
        assert targets[second - 1, k].item() == pytest.approx(values[first, k])
    # Of the sum of two uniform numbers: mean 1, variance 1/6.
    assert targets[-1].mean().item() == pytest.approx(1, abs=0.06)
    assert ((targets[-1] - 1) ** 2).mean().item() == pytest.approx(1 / 6, rel=0.2)


def test_copy_task():
    inputs, targets = draw_sequences(
        gf.Sequences(source="copy", length=17, recall=4, batch_size=40), 0
    )
    assert (inputs.sum(2) == 1).all()
    shown = inputs.argmax(2)
    assert shown[:4].max() < 8
    assert (shown[4:12] == 8).all()
    assert (shown[12] == 9).all()
    assert (shown[13:] == 8).all()
    assert (targets[:13] == 8).all()
    assert torch.equal(targets[13:], shown[:4])
    assert len(shown[:4].unique()) == 8


def test_noise():
    inputs, targets = draw_sequences(gf.Sequences(length=50, features=6, batch_size=100), 0)
    assert inputs.mean().item() == pytest.approx(0, abs=0.02)
    assert inputs.std().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(targets[0], targets[-1])
    assert len(targets.unique()) == 10
