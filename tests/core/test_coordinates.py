"""The coordinate check on networks whose exponents are known."""

import math

import pytest
import torch
from torch import Tensor, nn

import gradflow as gf
from gradflow.core.coordinates import Growth

WIDTHS = (64, 128, 256, 512)
X = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
Y = torch.randint(4, (32,), generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    """A linear network, so that the laws hold without remainders of an activation function."""

    def __init__(self, width: int, *, mup: bool) -> None:
        super().__init__()
        self.first = nn.Linear(16, width, bias=False)
        self.hidden = nn.Linear(width, width, bias=False)
        self.last = nn.Linear(width, 4, bias=False)
        nn.init.normal_(self.first.weight, std=16**-0.5)
        nn.init.normal_(self.hidden.weight, std=width**-0.5)
        nn.init.normal_(self.last.weight, std=1 / width if mup else width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.hidden(self.first(x)))


def make_adam(model: nn.Module, *, mup: bool) -> torch.optim.Optimizer:
    """Adam with the learning rate of µP: 1/width for matrices between widths and the readout."""
    rate, width = 0.1, model.hidden.in_features
    inner = rate / width if mup else rate
    return torch.optim.Adam(
        [
            {"params": model.first.parameters(), "lr": rate},
            {"params": model.hidden.parameters(), "lr": inner},
            {"params": model.last.parameters(), "lr": inner},
        ]
    )


def check(*, mup: bool) -> gf.CoordinateCheck:
    return gf.coordinate_check(
        lambda width: Net(width, mup=mup),
        X,
        Y,
        widths=WIDTHS,
        steps=2,
        optimizer=lambda model: make_adam(model, mup=mup),
        seeds=2,
    )


def read(found: gf.CoordinateCheck, step: int) -> dict[str, float]:
    table = found.exponents[found.exponents["step"] == step]
    return dict(zip(table["module"], table["exponent"], strict=True))


def test_the_standard_parametrization_grows():
    """Adam moves each weight by η, all in step with what it multiplies: Δz = η·n."""
    found = check(mup=False)
    start, end = read(found, 0), read(found, 1)
    for name in ("first", "hidden", "last"):
        assert start[name] == pytest.approx(0, abs=0.15)
    assert end["first"] == pytest.approx(0, abs=0.05)
    assert end["hidden"] == pytest.approx(1, abs=0.15)
    assert 1 < end["last"] < 2.1  # its weights and its inputs have both grown
    assert not found.is_flat
    assert "grows like width to the power" in str(found.text)


def test_mup_is_flat():
    found = check(mup=True)
    assert read(found, 0)["last"] == pytest.approx(-0.5, abs=0.15)  # as it should be at the start
    for exponent in read(found, 2).values():
        assert exponent == pytest.approx(0, abs=0.15)
    assert found.is_flat
    assert "no layer's output grows" in str(found.text)
    assert len(found.sizes) == len(WIDTHS) * 2 * 3 * 3


def test_the_sizes_are_those_of_the_model():
    torch.manual_seed(1)
    expected = Net(64, mup=False)(X).square().mean().sqrt().item()
    table = check(mup=False).sizes
    row = table.query("width == 64 and seed == 1 and step == 0 and module == 'last'")
    assert row["rms"].item() == pytest.approx(expected, rel=1e-5)


def test_a_batch_is_drawn_for_a_network_that_begins_with_a_linear_layer():
    state = torch.get_rng_state()

    def make(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 3))

    found = gf.coordinate_check(make, widths=(16, 64), steps=1, seeds=1)
    assert found.exponents["step"].max() == 1
    assert torch.equal(state, torch.get_rng_state())
    # Its modules have numbers for names: so the number of the layer stands beside one.
    assert "layer 1 (0)" in str(found.text) or "layer 2 (2)" in str(found.text)


def test_what_diverges_grows():
    found = gf.coordinate_check(
        lambda width: Net(width, mup=False),
        X,
        Y,
        widths=(16, 64),
        steps=1,
        seeds=1,
        optimizer=lambda model: torch.optim.SGD(model.parameters(), math.inf),
    )
    assert Growth.GROWS in set(found.exponents["growth"])
    assert not found.is_flat


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"widths": (64,)}, "widths"),
        ({"steps": 0}, "steps"),
        ({"seeds": 1.5}, "seeds"),
        ({"inputs": None, "make_model": lambda width: nn.Conv1d(1, width, 1)}, "inputs"),
        ({"make_model": lambda width: nn.Sequential(*[nn.Linear(16, 16)] * width)}, "layers"),
    ],
)
def test_what_is_impossible_is_refused(options, says):
    settings = {"make_model": lambda width: Net(width, mup=True), "inputs": X, "targets": Y}
    settings |= {"widths": (2, 3), "steps": 1, "seeds": 1}
    with pytest.raises(gf.GradflowError, match=says):
        gf.coordinate_check(**settings | options)
