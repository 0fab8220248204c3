"""The stack against a NumPy loop written by hand: order, freezing, momentum, what is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from gradflow.core.pretraining.digits import HELD_OUT, TRAINING, split_digits
from gradflow.core.pretraining.greedy import EXAMPLE_IMAGES, pretrain
from gradflow.core.pretraining.spec import Stack

TINY = {"layers": 2, "width": 8, "epochs": 2, "batch_size": 200, "seed": 3}


def sigma(z):
    return 1 / (1 + np.exp(-z))


def logit(p):
    return np.log(p / (1 - p))


def draw_batches(count, size, generator):
    order = torch.randperm(count, generator=generator).numpy()
    return [order[i : i + size] for i in range(0, count, size)]


def step_with_momentum(parameters, velocities, gradients, rate):
    for parameter, velocity, gradient in zip(parameters, velocities, gradients, strict=True):
        velocity[...] = 0.9 * velocity + gradient
        parameter[...] = parameter - rate * velocity


def compute_rbm_gradient(x, w, a, b, draw, k):
    first = p = sigma(x @ w.T + b)
    chain = x
    for numbers in draw(k, len(x), len(b)):
        chain = sigma((numbers < p) @ w + a)
        p = sigma(chain @ w.T + b)
    return (
        (p.T @ chain - first.T @ x) / len(x),
        (chain - x).mean(0),
        (p - first).mean(0),
    )


def compute_autoencoder_gradient(x, w, a, b):
    h = sigma(x @ w.T + b)
    error = (sigma(h @ w + a) - x) / len(x)
    delta = error @ w.T * h * (1 - h)
    return delta.T @ x + h.T @ error, error.sum(0), delta.sum(0)


def train_by_hand(stack):
    """Weights, biases and inputs of every layer, in float64 with the same random numbers."""
    generator = torch.Generator().manual_seed(stack.seed)

    def draw(*shape):
        return torch.rand(*shape, generator=generator).double().numpy()

    x = split_digits(stack.seed).images.double().numpy()
    layers = []
    for _layer in range(stack.layers):
        size = x.shape[1]
        w = torch.randn(stack.width, size, generator=generator).double().numpy()
        rbm = stack.method == "rbm"
        w *= 0.01 if rbm else np.sqrt(2 / (stack.width + size))
        a = logit(np.clip(x.mean(0), 0.01, 0.99)) if rbm else np.zeros(size)
        b = np.zeros(stack.width)
        velocities = [np.zeros_like(one) for one in (w, a, b)]
        for _epoch in range(stack.epochs):
            for chosen in draw_batches(len(x), stack.batch_size, generator):
                gradients = (
                    compute_rbm_gradient(x[chosen], w, a, b, draw, stack.k)
                    if rbm
                    else compute_autoencoder_gradient(x[chosen], w, a, b)
                )
                step_with_momentum((w, a, b), velocities, gradients, stack.learning_rate)
        layers.append((w, a, b, x))
        x = sigma(x @ w.T + b)
    return layers


@pytest.mark.parametrize("options", [{"method": "rbm", "k": 2}, {"method": "autoencoder"}])
def test_each_layer_learns_what_the_trained_ones_below_pass_on(options):
    stack = Stack(**TINY, **options)
    trained, below = pretrain(stack), np.eye(64)
    for one, (w, a, b, x) in zip(trained.layers, train_by_hand(stack), strict=True):
        for parameter, expected in zip(one.layer.parameters(), (w, a, b), strict=True):
            # float32; a sampled unit whose uniform number falls next to p would differ by more
            assert_allclose(parameter.numpy(), expected, atol=2e-4)
        below = w @ below
        assert_allclose(one.features[-1], below, atol=2e-3)
        back = sigma(sigma(x @ w.T + b) @ w + a)
        assert_allclose(one.error[-1], ((back - x) ** 2).mean(), rtol=1e-3)


def test_reconstructions_go_up_and_down_again():
    stack = Stack(**TINY, method="autoencoder")
    trained, layers = pretrain(stack), train_by_hand(stack)
    images = split_digits(stack.seed).held_out_images.double().numpy()
    (w1, a1, b1, x), (w2, a2, b2, _x) = layers
    one = sigma(images @ w1.T + b1)
    two = sigma(sigma(one @ w2.T + b2) @ w2 + a2)
    for row, hidden in enumerate((one, two)):
        back = sigma(hidden @ w1 + a1)
        assert_allclose(trained.reconstructions[row], back[:EXAMPLE_IMAGES], atol=1e-4)
        assert_allclose(trained.pixel_error[row], ((back - images) ** 2).mean(), rtol=1e-3)
    assert_allclose(trained.originals, images[:EXAMPLE_IMAGES], rtol=1e-6)
    assert_allclose(trained.mean_error, ((images - x.mean(0)) ** 2).mean(), rtol=1e-5)


def test_free_energy_is_compared_between_equally_many_images():
    stack = Stack(**TINY | {"layers": 1})
    trained = pretrain(stack).layers[0]
    ((w, a, b, x),) = train_by_hand(stack)
    held_out = split_digits(stack.seed).held_out_images.double().numpy()

    def free_energy(v):
        return (-v @ a - np.log1p(np.exp(v @ w.T + b)).sum(1)).mean()

    expected = free_energy(held_out) - free_energy(x[:HELD_OUT])
    assert_allclose(trained.free_energy_gap[-1], expected, atol=2e-3)
    assert trained.free_energy_gap.shape == (stack.epochs + 1,)


@pytest.mark.parametrize("method", ["rbm", "autoencoder"])
def test_a_seed_repeats_and_more_layers_change_nothing_below(method):
    small, large = (
        pretrain(Stack(**TINY | {"layers": layers}, method=method)) for layers in (1, 2)
    )
    other = pretrain(Stack(**TINY | {"layers": 1, "seed": 4}, method=method))
    assert_array_equal(small.layers[0].features, large.layers[0].features)
    assert not np.array_equal(small.layers[0].features, other.layers[0].features)


def test_progress_goes_through_layers_and_epochs_and_can_end_it():
    said = []

    class Enough(Exception):
        pass

    def progress(done, what):
        said.append((done, what))
        if len(said) == 3:
            raise Enough

    with pytest.raises(Enough):
        pretrain(Stack(**TINY), progress)
    assert [done for done, _what in said] == [0.0, 0.25, 0.5]
    assert str(said[1][1]) == "layer 1 of 2, epoch 2 of 2"
    assert str(said[2][1]) == "layer 2 of 2, epoch 1 of 2"


def test_learning_lowers_the_error_on_images_never_seen():
    for one in pretrain(Stack(layers=2, epochs=6)).layers:
        assert one.held_out_error[-1] < 0.5 * one.held_out_error[0]


def test_a_rate_too_large_ends_in_numbers_that_say_so():
    stack = Stack(
        method="autoencoder", activation="relu", learning_rate=1.0, layers=2, width=16, epochs=2
    )
    trained = pretrain(stack)
    worst = np.nan_to_num(trained.pixel_error, nan=np.inf)
    assert (worst[-1] > trained.mean_error) or not np.isfinite(trained.pixel_error[-1])


def test_the_split_leaves_no_image_in_both_parts():
    data = split_digits(5)
    assert (len(data.images), len(data.held_out_images)) == (TRAINING, HELD_OUT)
    assert float(data.images.min()) == 0
    assert float(data.images.max()) == 1
    both = torch.cat([data.images, data.held_out_images])
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pairs = sorted(map(tuple, np.column_stack([images / 16, labels]).tolist()))
    every = torch.cat([data.labels, data.held_out_labels])
    assert sorted(map(tuple, torch.column_stack([both.double(), every]).tolist())) == pairs
