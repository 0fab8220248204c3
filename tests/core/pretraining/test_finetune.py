"""Stacked training against single modules and autograd; starts; freezing; transfer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn import functional as F

from gradflow.core.pretraining.digits import split_digits
from gradflow.core.pretraining.finetune import draw_batches, fine_tune, initialize_starts
from gradflow.core.pretraining.greedy import pretrain
from gradflow.core.pretraining.networks import (
    Networks,
    draw_normals,
    measure_accuracies,
    scale_xavier,
    train_networks,
)
from gradflow.core.pretraining.spec import FineTuning, Start, Transfer
from gradflow.core.pretraining.transfer import (
    PER_CLASS,
    DigitTask,
    Way,
    initialize_new_task,
    transfer_layers,
)

SMALL = {"layers": 2, "width": 8, "epochs": 1, "batch_size": 20, "steps": 50, "seeds": 2}


def make_three_networks(activation="tanh"):
    generator = torch.Generator().manual_seed(0)
    weights = [
        [scale_xavier(z).double() for z in draw_normals([5, 4, 4, 3], generator)] for _ in range(3)
    ]
    networks = Networks.from_weights(weights, activation)
    return Networks(networks.weights, [b.double() for b in networks.biases], activation)


def make_data():
    random = np.random.default_rng(0)
    x = torch.tensor(random.normal(size=(30, 5)))
    y = torch.tensor(random.integers(0, 3, size=30))
    return x, y, torch.tensor(random.integers(0, 30, size=(4, 3, 6)))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("frozen", [0, 2])
def test_each_network_steps_as_it_would_alone(activation, frozen):
    networks, (x, y, chosen) = make_three_networks(activation), make_data()
    before = [weight.clone() for weight in networks.weights]
    alone = [networks.build_module(i) for i in range(3)]
    for model, batch in zip(alone, chosen.unbind(1), strict=True):
        linears = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
        parameters = [p for layer in linears[frozen:] for p in layer.parameters()]
        velocities = [torch.zeros_like(p) for p in parameters]
        for rows in batch:
            gradients = torch.autograd.grad(F.cross_entropy(model(x[rows]), y[rows]), parameters)
            with torch.no_grad():
                for p, v, g in zip(parameters, velocities, gradients, strict=True):
                    v.mul_(0.9).add_(g)
                    p.sub_(0.1 * v)
    assert list(train_networks(networks, chosen, x, y, 0.1, frozen)) == [0, 1, 2, 3, 4]
    for i, model in enumerate(alone):
        linears = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
        for layer, weight, bias in zip(linears, networks.weights, networks.biases, strict=True):
            assert_allclose(weight[i], layer.weight.detach(), rtol=1e-10, atol=1e-14)
            assert_allclose(bias[i, 0], layer.bias.detach(), rtol=1e-10, atol=1e-14)
    for place, weight in enumerate(networks.weights):
        assert not weight.requires_grad
        assert torch.equal(weight, before[place]) == (place < frozen)


def test_starts_differ_in_the_hidden_layers_only_by_what_they_are():
    spec = FineTuning(**SMALL, small_std=0.3)
    stacks = [pretrain(spec.build_stack(seed)) for seed in (0, 1)]
    by_start = {start: initialize_starts(spec, start, stacks) for start in Start}
    pretrained, small, xavier_start, relu = (by_start[start] for start in Start)
    for place in range(2):
        for seed in range(2):
            layer = stacks[seed].layers[place].layer
            assert_array_equal(pretrained.weights[place][seed], layer.weight)
            assert_array_equal(pretrained.biases[place][seed, 0], layer.hidden)
    assert_array_equal(pretrained.weights[2], xavier_start.weights[2])
    for place, (fan_in, fan_out) in enumerate([(64, 8), (8, 8), (8, 10)]):
        z = small.weights[place] / 0.3
        assert_allclose(xavier_start.weights[place], z * math.sqrt(2 / (fan_in + fan_out)), 1e-5)
        assert_allclose(relu.weights[place], z * math.sqrt(2 / fan_in), rtol=1e-5)
        assert float(z.std()) == pytest.approx(1, abs=0.2)
    assert [one.activation for one in by_start.values()] == ["sigmoid"] * 3 + ["relu"]


def test_courses_begin_with_numbers_that_a_module_gives():
    spec = FineTuning(**SMALL, starts="xavier_relu", labelled=300)
    xavier_course, relu_course = fine_tune(spec)
    for course in (xavier_course, relu_course):
        for i, seed in enumerate((0, 1)):
            digits = split_digits(seed)
            model = initialize_starts(spec, course.start, []).build_module(i)
            with torch.no_grad():
                logits = model(digits.images[:300])
                held_out = model(digits.held_out_images)
            loss = F.cross_entropy(logits, digits.labels[:300])
            assert course.loss[i, 0] == pytest.approx(float(loss), rel=1e-5)
            right = (logits.argmax(1) == digits.labels[:300]).double().mean()
            assert course.accuracy[i, 0] == pytest.approx(float(right))
            right = (held_out.argmax(1) == digits.held_out_labels).double().mean()
            assert course.held_out_accuracy[i, 0] == pytest.approx(float(right))
        assert course.steps.tolist()[0] == 0
        assert course.steps.tolist()[-1] == 50
        assert course.loss.shape == (2, len(course.steps))


def test_the_gradient_at_the_start_is_autograds():
    spec = FineTuning(**SMALL)
    stacks = [pretrain(spec.build_stack(seed)) for seed in (0, 1)]
    digits = split_digits(0)
    for course in fine_tune(spec):
        model = initialize_starts(spec, course.start, stacks).build_module(0)
        weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
        loss = F.cross_entropy(model(digits.images[:256]), digits.labels[:256])
        norms = [float(g.norm()) for g in torch.autograd.grad(loss, weights)]
        assert_allclose(course.report.layers["weight_grad_norm"], norms, rtol=1e-4)
        assert course.report.loss == pytest.approx(loss.item(), rel=1e-5)


def test_all_starts_see_the_same_batches_and_a_seed_repeats():
    spec = FineTuning(**SMALL, labelled=40)
    assert int(draw_batches(spec).max()) < 40
    both = fine_tune(spec)
    alone = fine_tune(FineTuning(**SMALL | {"seeds": 1, "seed": 1}, labelled=40))
    for course, single in zip(both, alone, strict=True):
        assert_allclose(course.loss[1], single.loss[0], rtol=2e-3)
    assert_array_equal(both[2].loss, fine_tune(spec)[2].loss)


def test_progress_of_fine_tuning_never_goes_back():
    said = []
    fine_tune(FineTuning(**SMALL), lambda done, what: said.append((done, what)))
    shares = [done for done, _what in said]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert str(said[0][1]) == "pretraining, seed 1 of 2: layer 1 of 2, epoch 1 of 1"
    assert any("He, ReLU: step 50 of 50" in str(what) for _done, what in said)


def test_logits_that_are_not_finite_are_no_answer():
    logits = torch.tensor([[[1.0, 0], [0, 1]], [[math.nan, 0], [0, 1]]])
    accuracies = measure_accuracies(logits, torch.tensor([[0, 0], [0, 1]]))
    assert_array_equal(accuracies, [0.5, math.nan])


def test_pretraining_starts_what_random_weights_do_not():
    """The page's claim, at a smaller size."""
    spec = FineTuning(epochs=8, steps=300, seeds=1, width=48)
    pretrained, small, xavier_course, relu = fine_tune(spec)
    assert pretrained.held_out_accuracy[0, -1] > 0.8
    assert relu.held_out_accuracy[0, -1] > 0.9
    for stuck in (small, xavier_course):
        assert stuck.held_out_accuracy[0, -1] < 0.3
        assert stuck.loss[0, -1] == pytest.approx(math.log(10), abs=0.05)


REUSE = {
    "layers": 2,
    "reused": 1,
    "width": 8,
    "steps": 50,
    "seeds": 2,
    "first": "13579",
    "task": "others",
}


def test_tasks_hold_their_digits_and_number_them():
    digits = split_digits(1)
    task = DigitTask.of(digits, "258")
    wanted = [(row, int(label)) for row, label in enumerate(digits.labels) if label in (2, 5, 8)]
    assert_array_equal(task.images, digits.images[[row for row, _label in wanted]])
    assert task.labels.tolist() == [(2, 5, 8).index(label) for _row, label in wanted]
    chosen = task.find_first_of_each(3)
    assert task.labels[chosen].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert chosen.tolist()[:3] == [i for i, c in enumerate(task.labels.tolist()) if c == 0][:3]
    held = digits.held_out_labels
    assert len(task.held_out_labels) == int(((held == 2) | (held == 5) | (held == 8)).sum())


def test_noisy_images_are_the_same_digits():
    digits = split_digits(1)
    task = DigitTask.of(digits, "0123456789")
    noisy = task.add_noise(3)
    assert_array_equal(noisy.held_out_labels, digits.held_out_labels)
    assert noisy.images.min() == 0
    assert noisy.images.max() == 1
    inner = (task.images > 0.4) & (task.images < 0.6)  # hardly ever cut off at 0 or 1
    added = (noisy.images - task.images)[inner]
    assert math.isclose(float(added.std()), 0.3, rel_tol=0.1)
    assert math.isclose(float(added.mean()), 0, abs_tol=0.02)


@pytest.mark.parametrize("seed", [0, 100])
def test_reuse_pays_where_it_contains_what_the_task_needs_and_harms_where_not(seed: int):
    def measure(**settings: object):
        return np.median(transfer_layers(Transfer(seed=seed, **settings)).accuracy, axis=1)

    few = slice(PER_CLASS.index(2), PER_CLASS.index(20) + 1)
    random, frozen, tuned = measure()[:, few]
    assert (frozen > random + 0.03).all()
    assert (tuned > random + 0.03).all()
    random, frozen, _tuned = measure(first="01234", task="others", reused=2)[:, few]
    assert frozen.mean() < random.mean()


def test_reused_layers_are_the_sources_and_the_others_are_alike():
    spec = Transfer(**REUSE)
    source = initialize_starts(FineTuning(layers=2, width=8, seeds=2), Start.XAVIER, [])
    by_way = {way: initialize_new_task(spec, way, source) for way in Way}
    counts = len(PER_CLASS)
    for way in (Way.FROZEN, Way.TUNED):
        for seed in range(2):
            for i in range(counts):
                assert_array_equal(
                    by_way[way].weights[0][seed * counts + i], source.weights[0][seed]
                )
        for layer in (1, 2):
            assert_array_equal(by_way[way].weights[layer], by_way[Way.RANDOM].weights[layer])
    assert not torch.equal(by_way[Way.RANDOM].weights[0], by_way[Way.TUNED].weights[0])
    assert by_way[Way.RANDOM].weights[2].shape == (2 * counts, 5, 8)


def test_transfer_repeats_reports_progress_and_measures_the_new_digits():
    said = []
    spec = Transfer(**REUSE)
    reuse = transfer_layers(spec, lambda done, what: said.append(done))
    assert reuse.accuracy.shape == (3, 2, len(PER_CLASS))
    assert said == sorted(said)
    for seed, count in enumerate(reuse.held_out):
        assert count == int((split_digits(seed).held_out_labels % 2 == 0).sum())
        right = reuse.accuracy[:, seed] * count  # a whole number of images
        assert_allclose(right, np.round(right), atol=1e-9)
    again = transfer_layers(spec)
    assert_array_equal(reuse.accuracy, again.accuracy)
    assert (reuse.first_accuracy > 0.3).all()


def test_courses_are_shown_as_they_come() -> None:
    spec, shown = FineTuning(**SMALL), []
    courses = fine_tune(spec, show=shown.append)
    assert [len(known) for known in shown] == list(range(1, len(spec.starts)))
    assert all(known == courses[: len(known)] for known in shown)
