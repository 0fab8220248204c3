"""A batch pushed through: against torch.nn, with γ, β and ε; the followed entry by hand."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.normalization.batch import (
    BATCHES,
    GAUSSIAN_MEANS,
    GAUSSIAN_STDS,
    BatchSource,
    PushedBatch,
    draw_pushed_batch,
    push,
)
from gradflow.core.teaching.normalization.sharing import Norm


def normalize_by_torch(spec: PushedBatch, x: torch.Tensor) -> torch.Tensor:
    """By torch's functions; γ and β are the same for every channel."""
    shape = x.shape[1:]
    match spec.norm:
        case Norm.BATCH:
            output = F.batch_norm(x, None, None, training=True, eps=spec.eps)
        case Norm.LAYER:
            output = F.layer_norm(x, shape, eps=spec.eps)
        case Norm.INSTANCE:
            centred = x - x.mean((2, 3), keepdim=True)  # F.instance_norm refuses single pixels
            output = centred / (centred.square().mean((2, 3), keepdim=True) + spec.eps).sqrt()
        case Norm.GROUP:
            output = F.group_norm(x, spec.groups, eps=spec.eps)
        case Norm.RMS:
            output = F.rms_norm(x, shape, eps=spec.eps)
    return spec.gamma * output + spec.beta


@pytest.mark.parametrize("source", list(BatchSource))
@pytest.mark.parametrize("norm", list(Norm))
def test_pushed_as_torch_does(source: BatchSource, norm: Norm) -> None:
    groups = 4 if norm is Norm.GROUP and source is not BatchSource.IMAGES else 1
    spec = PushedBatch(
        source=source,
        norm=norm,
        groups=groups,
        samples=7,
        gamma=-1.5,
        beta=0.5,
        eps=0.01,
        sample=3,
        channel=5,
    )
    pushed = push(spec)
    row = BATCHES[source]
    assert pushed.before.shape == (7, row.channels, row.height, row.width)
    wanted = normalize_by_torch(spec, torch.from_numpy(pushed.before)).numpy()
    assert_allclose(pushed.after, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("norm", list(Norm))
def test_the_followed_entry_by_hand(norm: Norm) -> None:
    spec = PushedBatch(
        source="gaussian", norm=norm, samples=5, gamma=2.0, beta=-1.0, eps=0.1, sample=4, channel=3
    )
    x, followed = draw_pushed_batch(spec), push(spec).followed
    members = (
        {
            Norm.BATCH: x[:, 2],
            Norm.LAYER: x[3],
            Norm.INSTANCE: x[3, 2],
            Norm.GROUP: x[3, :4],
            Norm.RMS: x[3],
        }[norm]
        .ravel()
        .tolist()
    )
    m = len(members)
    mean = 0.0 if norm is Norm.RMS else math.fsum(members) / m
    variance = math.fsum((v - mean) ** 2 for v in members) / m
    normalized = (x[3, 2, 2, 2] - mean) / math.sqrt(variance + 0.1)
    total = math.fsum(v * v for v in members) if norm is Norm.RMS else math.fsum(members)
    assert followed.entries == m
    assert_allclose(
        [
            followed.total,
            followed.mean,
            followed.variance,
            followed.x,
            followed.normalized,
            followed.output,
        ],
        [total, mean, variance, x[3, 2, 2, 2], normalized, 2 * normalized - 1],
        rtol=1e-10,
        atol=1e-12,
    )


def test_gaussian_channels_have_their_means_and_widths() -> None:
    x = draw_pushed_batch(PushedBatch(source="gaussian", samples=128))
    count = 128 * 16
    assert (np.abs(x.mean((0, 2, 3)) - GAUSSIAN_MEANS) < 5 * GAUSSIAN_STDS / math.sqrt(count)).all()
    assert_allclose(x.std((0, 2, 3)), GAUSSIAN_STDS, rtol=5 / math.sqrt(2 * count))


def test_seeds_draw_other_batches() -> None:
    for source in BatchSource:
        first, again, other = (
            draw_pushed_batch(PushedBatch(source=source, seed=s)) for s in (0, 0, 1)
        )
        assert (first == again).all()
        assert (first != other).any()


def test_alone_in_its_set_leaves_beta() -> None:
    pushed = push(PushedBatch(source="hidden", norm="instance", beta=0.7))
    assert pushed.followed.entries == 1
    assert (pushed.after == 0.7).all()


@pytest.mark.parametrize(
    ("settings", "message", "field"),
    [
        ({"norm": "group", "groups": 3}, "groups: 3 does not divide the 8 channels", "groups"),
        ({"samples": 4, "sample": 5}, "sample: 5 is not allowed", "sample"),
        ({"source": "moons"}, "one of convolution, hidden, images, gaussian", "source"),
    ],
)
def test_what_is_impossible_is_refused(
    settings: dict[str, object], message: str, field: str
) -> None:
    with pytest.raises(InvalidExperiment) as error:
        PushedBatch(**settings)
    assert message in str(error.value)
    assert error.value.fields == (field,)


def test_fields_apply_where_they_matter() -> None:
    assert PushedBatch.applies("groups", {"source": "gaussian", "norm": "group"})
    assert not PushedBatch.applies("groups", {"source": "images", "norm": "group"})
    assert not PushedBatch.applies("groups", {"source": "gaussian", "norm": "batch"})
    assert not PushedBatch.applies("channel", {"source": "images"})
