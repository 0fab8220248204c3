"""The chain against torch.autograd on an nn.Sequential of its own, and against closed forms."""

import math

import pytest
import torch
from torch import nn

from gradflow.core.catalog import Activation, DType
from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.chain import (
    Chain,
    Event,
    Term,
    Trouble,
    find_events,
    find_overflow,
    find_zero,
    run_chain,
)
from gradflow.core.teaching.fields import to_query

W = (0.7, -1.3, 2.1, 0.4, -0.9)
B = (0.1, -0.2, 0.3, 0.05, -0.4)
MODULES = {  # written out, so that the catalog is not its own judge
    "linear": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.01),
    "prelu": nn.PReLU(),
    "rrelu": nn.LeakyReLU((1 / 8 + 1 / 3) / 2),
    "elu": nn.ELU(),
    "gelu": nn.GELU(),
    "softplus": nn.Softplus(),
    "hardswish": nn.Hardswish(),
}


def make_sequential(activation: str, weights, biases) -> nn.Sequential:
    layers: list[nn.Module] = []
    for w, b in zip(weights, biases, strict=True):
        linear = nn.Linear(1, 1)
        nn.init.constant_(linear.weight, w)
        nn.init.constant_(linear.bias, b)
        layers += [linear, MODULES[activation]]
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize("activation", MODULES)
def test_all_numbers_are_those_of_autograd(activation: str) -> None:
    model = nn.Sequential(*(nn.Linear(1, 1, dtype=torch.float64) for _ in W))
    for linear, w, b in zip(model, W, B, strict=True):
        nn.init.constant_(linear.weight, w)
        nn.init.constant_(linear.bias, b)
    f = MODULES[activation].double()
    h, z = [torch.tensor([0.8], dtype=torch.float64)], []
    for linear in model:
        z.append(linear(h[-1]))
        h.append(f(z[-1]))
    loss = nn.functional.mse_loss(h[-1], torch.tensor([0.25], dtype=torch.float64)) / 2
    weights = [linear.weight for linear in model]
    biases = [linear.bias for linear in model]
    gradients = torch.autograd.grad(loss, [*z, *weights, *biases, h[-1]])
    g, dw, db = gradients[:5], gradients[5:10], gradients[10:15]
    run = run_chain(
        Chain(length=5, activation=activation, weights=W, biases=B, input=0.8, target=0.25)
    )
    close = {"rel": 1e-13, "abs": 1e-300}
    assert run.h == pytest.approx([value.item() for value in h], **close)
    assert run.z == pytest.approx([value.item() for value in z], **close)
    assert run.loss == pytest.approx(loss.item(), **close)
    assert run.error == pytest.approx(gradients[-1].item(), **close)
    assert run.g == pytest.approx([value.item() for value in g], **close)
    assert run.g == pytest.approx([value.item() for value in db], **close)
    assert run.weight_gradients == pytest.approx([value.item() for value in dw], **close)
    ratios = [value.item() / gradients[-1].item() for value in g]
    assert run.products == pytest.approx(ratios, rel=1e-12, abs=1e-300)


def test_finite_differences_agree() -> None:
    def loss(weights: tuple[float, ...]) -> float:
        h = 0.8
        for w, b in zip(weights, B, strict=True):
            h = math.tanh(w * h + b)
        return (h - 0.25) ** 2 / 2

    run = run_chain(Chain(length=5, activation="tanh", weights=W, biases=B, input=0.8, target=0.25))
    step = 1e-5
    for k, gradient in enumerate(run.weight_gradients):
        up, down = ((*W[:k], W[k] + s, *W[k + 1 :]) for s in (step, -step))
        assert gradient == pytest.approx((loss(up) - loss(down)) / (2 * step), rel=1e-6)


def test_the_factors_of_a_linear_chain_are_its_weights() -> None:
    run = run_chain(Chain(length=4, activation="linear", weights=(2.0,), input=3.0, target=1.0))
    assert run.factors == (2.0, 2.0, 2.0, 1.0)  # the loss reads the last unit itself
    assert run.products == (8.0, 4.0, 2.0, 1.0)
    assert run.h == (3.0, 6.0, 12.0, 24.0, 48.0)
    assert run.g == (47 * 8.0, 47 * 4.0, 47 * 2.0, 47.0)
    assert run.weight_gradients == tuple(g * h for g, h in zip(run.g, run.h[:-1], strict=True))


def test_slopes_of_the_sigmoid_stay_below_a_quarter() -> None:
    run = run_chain(Chain(length=12, weights=(4.0,), biases=(-2.0,), input=0.5, target=0.0))
    assert run.slope == (0.25,) * 12  # a fixed point: z = 4·½ − 2 = 0
    assert run.factors == (1.0,) * 11 + (0.25,)
    assert find_events(run) == []


def run_overflowing(**settings) -> Event:
    event = find_overflow(run_chain(Chain(activation="relu", **settings)))
    assert event is not None
    assert event.trouble is Trouble.OVERFLOW
    return event


def test_the_number_that_overflows_is_named() -> None:
    event = run_overflowing(weights=(10.0,), dtype=DType.FLOAT16)
    assert (event.term, event.index, event.value) == (Term.Z, 5, math.inf)  # 10⁵ > 65504
    event = run_overflowing(input=1e299, weights=(10.0,), length=12)
    assert (event.term, event.index) == (Term.Z, 10)  # 10³⁰⁹ > 1.8·10³⁰⁸
    event = run_overflowing(input=1e5, dtype=DType.FLOAT16)
    assert event.term is Term.INPUT
    event = run_overflowing(target=-1e5, dtype=DType.FLOAT16)
    assert (event.term, event.value) == (Term.TARGET, -math.inf)
    event = run_overflowing(target=1e200)
    assert event.term is Term.LOSS  # 10⁴⁰⁰; the gradient does not need it
    event = run_overflowing(
        weights=(1.0,), length=2, input=60000.0, target=-60000.0, dtype="float16"
    )
    assert event.term is Term.ERROR
    event = run_overflowing(
        weights=(0.01, 10.0, 10.0, 10.0, 10.0, 10.0),
        length=6,
        input=1.0,
        target=-10.0,
        dtype=DType.FLOAT16,
    )
    assert event.term is Term.LOSS
    event = run_overflowing(
        weights=(0.0, 10.0, 10.0, 10.0),
        biases=(0.001, 0.0, 0.0, 0.0),
        length=4,
        input=100.0,
        target=-200.0,
        dtype=DType.FLOAT16,
    )
    assert (event.term, event.index) == (Term.G, 1)  # 201 · 10³


def test_a_gradient_of_zero_has_its_reason() -> None:
    relu = {"activation": "relu", "length": 3}
    off = run_chain(Chain(**relu, weights=(1.0, -1.0, 1.0), biases=(0.0, 0.0, 0.5)))
    assert find_zero(off) == Event(Trouble.ZERO_FACTOR, Term.SLOPE, 2, 0.0)
    assert off.g[2] != 0
    assert off.g[:2] == (0.0, 0.0)
    weight = run_chain(Chain(**relu, weights=(1.0, 1.0, 0.0), biases=(0.0, 0.0, 0.5)))
    assert find_zero(weight) == Event(Trouble.ZERO_FACTOR, Term.W, 3, 0.0)
    met = run_chain(Chain(**relu, target=1.0))
    assert find_events(met) == [Event(Trouble.ZERO_ERROR, Term.ERROR, 0, 0.0)]
    small = find_zero(run_chain(Chain(length=12, weights=(0.1,), dtype=DType.FLOAT16)))
    assert small is not None
    assert (small.trouble, small.term) == (Trouble.UNDERFLOW, Term.G)
    assert find_zero(run_chain(Chain(length=12, weights=(0.1,)))) is None


def test_float16_rounds_as_float16() -> None:
    run = run_chain(Chain(length=1, activation="linear", weights=(0.1,), dtype=DType.FLOAT16))
    assert run.w == (float(torch.tensor(0.1).half()),)
    assert run.range == (2.0**-24, 65504.0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"length": 13}, ("length", "13", "from 1 to 12")),
        ({"length": 3, "weights": (1, 2)}, ("weights", "2 values", "length 3")),
        ({"weights": (11,)}, ("weights", "11", "from −10 to 10")),
        ({"biases": "1_x"}, ("biases", "x", "from −10 to 10")),
        ({"weights": (math.nan,)}, ("weights", "from −10 to 10")),
        ({"weights": ()}, ("weights", "0 values")),
        ({"weights": None}, ("weights", "null")),
        ({"input": 1e301}, ("input", "1e+301", "10³⁰⁰")),
        ({"activation": "magic"}, ("activation", "magic", "sigmoid")),
    ],
)
def test_impossible_chains_are_refused(fields, words) -> None:
    with pytest.raises(InvalidExperiment) as raised:
        Chain(**fields)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("activation", Activation)
def test_a_chain_survives_its_address(activation) -> None:
    chain = Chain(length=5, activation=activation, weights=W, biases=(0.1 + 0.2,), input=1e-7)
    assert Chain(**to_query(chain)) == chain


def test_the_output_is_that_of_a_sequential_model() -> None:
    model = make_sequential("tanh", W, B)
    run = run_chain(Chain(length=5, activation="tanh", weights=W, biases=B, input=0.8))
    assert run.h[-1] == pytest.approx(model(torch.tensor([0.8], dtype=torch.float64)).item())
