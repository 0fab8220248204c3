"""Which entries share a mean: against torch's modules and NumPy by explicit axes."""

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.normalization.batch import normalize
from gradflow.core.teaching.normalization.sharing import (
    DRAWN_NORMS,
    NORMS,
    Norm,
    NormalizedBlock,
    find_coincidences,
    list_block_sets,
    list_divisors,
    number_sets,
)

SHAPE = (4, 6, 3, 2)
GROUPS, EPS = 3, 1e-3


def make_torch_module(norm: Norm, channels: int, groups: int) -> nn.Module:
    return {
        Norm.BATCH: nn.BatchNorm2d(channels, eps=EPS),
        Norm.LAYER: nn.LayerNorm((channels, *SHAPE[2:]), eps=EPS),
        Norm.INSTANCE: nn.InstanceNorm2d(channels, eps=EPS),
        Norm.GROUP: nn.GroupNorm(groups, channels, eps=EPS),
        Norm.RMS: nn.RMSNorm((channels, *SHAPE[2:]), eps=EPS),
    }[norm].double()


@pytest.fixture
def x() -> np.ndarray:
    random = np.random.default_rng(1)
    scale = np.exp(random.normal(size=(4, 6, 1, 1)))
    return random.normal(size=SHAPE) * scale + 3 * random.normal(size=(4, 6, 1, 1))


def test_every_norm_has_a_row() -> None:
    assert set(NORMS) == set(Norm)
    assert set(DRAWN_NORMS) == set(Norm) - {Norm.RMS}


@pytest.mark.parametrize("norm", list(Norm))
def test_normalized_as_torch_does(norm: Norm, x: np.ndarray) -> None:
    numbers = number_sets(norm, *SHAPE[:2], GROUPS)
    normalized = normalize(x, numbers, EPS, centred=norm is not Norm.RMS)
    expected = make_torch_module(norm, SHAPE[1], GROUPS)(torch.from_numpy(x)).detach().numpy()
    assert_allclose(normalized.output, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("norm", "shape", "axes"),
    [
        (Norm.BATCH, SHAPE, (0, 2, 3)),
        (Norm.LAYER, SHAPE, (1, 2, 3)),
        (Norm.INSTANCE, SHAPE, (2, 3)),
        (Norm.GROUP, (4, GROUPS, 2, 3, 2), (2, 3, 4)),
    ],
)
def test_means_and_variances_by_explicit_axes(
    norm: Norm, shape: tuple[int, ...], axes: tuple[int, ...], x: np.ndarray
) -> None:
    normalized = normalize(x, number_sets(norm, *SHAPE[:2], GROUPS), EPS)
    assert_allclose(normalized.mean, x.reshape(shape).mean(axes).ravel(), rtol=1e-12)
    assert_allclose(normalized.variance, x.reshape(shape).var(axes).ravel(), rtol=1e-12)


@pytest.mark.parametrize("norm", DRAWN_NORMS)
def test_the_chosen_set_is_what_the_output_of_the_entry_depends_on(
    norm: Norm, x: np.ndarray
) -> None:
    block = NormalizedBlock(
        samples=4, channels=6, height=3, width=2, groups=GROUPS, sample=3, channel=4
    )
    module = make_torch_module(norm, 6, GROUPS)
    tensor = torch.from_numpy(x).requires_grad_()
    (slope,) = torch.autograd.grad(module(tensor)[2, 3, 1, 1], tensor)
    sets = next(sets for sets in list_block_sets(block) if sets.norm is norm)
    assert (np.abs(slope.numpy()).max((2, 3)) > 0).tolist() == sets.chosen.tolist()
    assert int(sets.chosen.sum()) * 6 == sets.entries
    assert sets.count * sets.entries == x.size


def find_same(block: NormalizedBlock) -> set[frozenset[Norm]]:
    """Norms with equal torch outputs, by trying all pairs."""
    tensor = torch.randn(block.samples, block.channels, *SHAPE[2:], dtype=torch.float64)
    outputs = {
        norm: make_torch_module(norm, block.channels, block.groups)(tensor).detach()
        for norm in DRAWN_NORMS
    }
    groups = {
        norm: frozenset(
            other for other in DRAWN_NORMS if torch.allclose(outputs[norm], outputs[other])
        )
        for norm in DRAWN_NORMS
    }
    return {group for group in groups.values() if len(group) > 1}


def test_coincidences_are_those_of_the_outputs() -> None:
    torch.manual_seed(0)
    for samples, channels in itertools.product((1, 3), (1, 2, 6)):
        for groups in list_divisors(channels):
            block = NormalizedBlock(
                samples=samples,
                channels=channels,
                height=3,
                width=2,
                groups=groups,
                sample=1,
                channel=1,
            )
            coincidences = {frozenset(norms) for norms in find_coincidences(list_block_sets(block))}
            assert coincidences == find_same(block)


def test_group_norm_becomes_layer_norm_and_instance_norm() -> None:
    assert find_coincidences(list_block_sets(NormalizedBlock(groups=1))) == [
        [Norm.LAYER, Norm.GROUP]
    ]
    assert find_coincidences(list_block_sets(NormalizedBlock(groups=6))) == [
        [Norm.INSTANCE, Norm.GROUP]
    ]
    assert find_coincidences(list_block_sets(NormalizedBlock(groups=2))) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"groups": 4}, "groups: 4 does not divide the 6 channels; choose one of 1, 2, 3, 6"),
        ({"sample": 5}, "sample: 5 is not allowed; choose a whole number from 1 to 4"),
        ({"channel": 7}, "channel: 7 is not allowed; choose a whole number from 1 to 6"),
    ],
)
def test_what_does_not_exist_is_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidExperiment) as error:
        NormalizedBlock(**settings)
    assert message in str(error.value)
    assert error.value.fields == tuple(settings)
