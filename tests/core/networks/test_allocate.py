"""Networks are built without random numbers that nobody uses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gradflow.core.data import draw_batch
from gradflow.core.experiment import MLP, ConvNet, Data, Experiment, Transformer
from gradflow.core.networks.build import allocate_network, build_network, make_recipe

NETWORKS = (
    MLP(depth=3, width=8, activation="prelu", normalization="layer"),
    MLP(depth=4, width=8, activation="relu", normalization="batch", connection="residual"),
    ConvNet(depth=4, channels=4, normalization="group", groups=2),
    Transformer(depth=1, width=16, heads=2),
)


def make_experiment(network: MLP | ConvNet | Transformer) -> Experiment:
    return Experiment(network=network, data=Data(batch_size=8))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: str(n.architecture))
def test_allocation_leaves_the_random_state_and_torchs_own_initialization_alone(
    network: MLP | ConvNet | Transformer,
) -> None:
    before = torch.random.get_rng_state()
    allocate_network(make_experiment(network))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(0)
    seeded = torch.random.get_rng_state()
    weights = nn.Linear(50, 50).weight  # still drawn as ever
    assert float(weights.detach().abs().max()) == pytest.approx(1 / 50**0.5, rel=0.01)
    assert not torch.equal(torch.random.get_rng_state(), seeded)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: str(n.architecture))
def test_every_parameter_but_the_drawn_ones_is_as_its_constructor_makes_it(
    network: MLP | ConvNet | Transformer,
) -> None:
    experiment = make_experiment(network)
    made, usual = allocate_network(experiment), make_recipe(experiment).build()
    assert [(n, p.shape, p.dtype, p.device) for n, p in made.named_parameters()] == [
        (n, p.shape, p.dtype, p.device) for n, p in usual.named_parameters()
    ]
    compared = 0
    for mine, other in zip(made.modules(), usual.modules(), strict=True):
        if isinstance(other, (nn.Linear, nn.Conv2d)) or not other._parameters:
            continue
        if type(other).__module__.startswith("torch."):
            for name, tensor in other.state_dict().items():
                torch.testing.assert_close(mine.state_dict()[name], tensor, rtol=0, atol=0)
                compared += 1
    assert compared


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: str(n.architecture))
def test_no_parameter_is_left_without_a_value(network: MLP | ConvNet | Transformer) -> None:
    experiment = make_experiment(network)
    inputs, _targets = draw_batch(experiment.data, experiment.seed)
    first, second = (build_network(experiment, inputs).state_dict() for _i in range(2))
    for name, tensor in first.items():
        assert torch.isfinite(tensor).all(), name
        assert torch.equal(tensor, second[name]), name
