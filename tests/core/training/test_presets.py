"""The claims of the presets, over several seeds."""

from __future__ import annotations

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.training.cures import list_cures
from gradflow.core.training.divergence import Origin
from gradflow.core.training.presets import TRAINING_PRESETS

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def seed(request):
    return request.param


def run_preset(code, seed, record_every=10):
    """The runs of a preset under another seed, recorded now and then."""
    every = {"record_every": record_every, "reports": 0, "evaluate_every": 0}
    return [
        gf.Run.collect(
            one.experiment.model_copy(update={"seed": seed}), one.plan.replace_settings(**every)
        )
        for one in TRAINING_PRESETS[code].runs
    ]


def find_last_loss(run):
    """Mean training loss of the last batches that were recorded."""
    return float(np.mean([record.loss for record in run.records[-4:]]))


CHANCE = np.log(10)


def test_a_sigmoid_network_learns_less_than_its_relu_twin(seed):
    sigmoid, relu = run_preset("sigmoid_twin", seed)
    assert find_last_loss(sigmoid) > 0.95 * CHANCE
    assert find_last_loss(relu) < 1.0
    first = sigmoid.records[0].layers["delta_norm"]
    assert (first[1:-1] / first[:-2] > 2.5).all()  # about 4 from layer to layer
    assert sigmoid.records[0].layers["update_ratio"][0] < 1e-4


def test_clipping_keeps_an_exploding_network_whole(seed):
    plain, clipped = run_preset("clipping", seed)
    assert plain.divergence is not None
    assert plain.divergence.step < 10
    assert clipped.divergence is None
    assert find_last_loss(clipped) < 0.2 * clipped.records[0].loss
    delta = clipped.records[0].layers["delta_norm"]
    assert delta[0] > 5 * delta[-2]
    assert all(record.clipped_grad_norm <= 1 + 1e-5 for record in clipped.records)


def test_a_large_batch_takes_too_few_steps(seed):
    runs = run_preset("large_batch", seed, record_every=1)
    asked = TRAINING_PRESETS["large_batch"].runs
    works = {one.experiment.data.batch_size * one.plan.steps for one in asked}
    assert works == {8192}
    ends = [run.records[-1].loss for run in runs]
    assert ends[0] < 0.5 * ends[1] < 0.35 * ends[2]


def test_penalties_shrink_an_exploding_gradient(seed):
    none, l1, l2 = run_preset("penalties", seed)
    norms = [np.mean([r.grad_norm for r in run.records[-4:]]) for run in (none, l1, l2)]
    assert norms[0] > 0.4 * none.records[0].grad_norm
    assert norms[0] > 4 * norms[1]
    assert norms[0] > 8 * norms[2]


def test_adaptive_rates_train_what_sgd_does_not(seed):
    sgd, adagrad, adam = run_preset("adaptive", seed)
    assert find_last_loss(sgd) > 0.95 * CHANCE
    assert find_last_loss(adagrad) < 1.0
    assert find_last_loss(adam) < 1.0
    first = sgd.records[0].layers
    assert first["weight_grad_norm"][-1] > 50 * first["weight_grad_norm"][0]
    uneven, even = (run.records[0].layers["update_ratio"] for run in (sgd, adam))
    assert uneven.max() / uneven.min() > 10 * even.max() / even.min()


def test_batch_norm_allows_a_large_rate(seed):
    plain, normalized = run_preset("batch_norm", seed)
    assert plain.divergence is not None or find_last_loss(plain) > 0.95 * CHANCE
    assert normalized.divergence is None
    assert find_last_loss(normalized) < 0.5


def test_depth_degrades_plain_networks_and_not_residual_ones(seed):
    plain20, plain56, _, residual56 = map(find_last_loss, run_preset("degradation", seed))
    assert plain56 > plain20 + 0.2
    assert residual56 < plain56 - 0.5
    assert residual56 < plain20


def test_relus_die_at_a_large_rate_and_leaky_ones_do_not():
    losses = []
    for seed in SEEDS:
        pair = run_preset("dying_relu", seed)
        dead = [np.nanmean(run.records[-1].layers["dead"]) for run in pair]
        assert dead[0] > 0.4
        assert dead[1] == 0
        losses.append([find_last_loss(run) for run in pair])
    relu, leaky = np.mean(losses, axis=0)
    assert leaky < relu


def test_zeros_never_break_symmetry(seed):
    zeros, xavier = run_preset("zero_initialization", seed)
    for record in zeros.records:
        assert (record.layers["weight_grad_norm"] == 0).all()
        assert (record.layers["weight_norm"] == 0).all()
        assert record.grad_norm > 0  # of the last bias alone
    assert find_last_loss(zeros) > 0.95 * CHANCE
    assert find_last_loss(xavier) < 1.0


def test_raw_pixels_are_not_learned_from_and_standardized_ones_are(seed):
    raw, standardized = run_preset("raw_inputs", seed)
    assert find_last_loss(raw) > 0.9 * CHANCE
    assert find_last_loss(standardized) < 0.7
    assert raw.records[0].loss > 20 * standardized.records[0].loss


def test_large_targets_end_in_infinity_at_a_usual_rate(seed):
    large, scaled = run_preset("large_targets", seed)
    assert large.divergence is not None
    assert large.divergence.step < 15
    assert large.divergence.targets > 500
    assert "too large for targets of size" in large.divergence.text
    one = TRAINING_PRESETS["large_targets"].runs[0]
    experiment = one.experiment.model_copy(update={"seed": seed})
    cures = {cure.code: cure for cure in list_cures(experiment, one.plan, large.divergence)}
    assert next(iter(cures)) == "targets"
    assert cures["rate"].plan.learning_rate == large.divergence.rate <= 1e-4
    for code in ("targets", "rate"):
        cured = gf.Run.collect(cures[code].experiment, cures[code].plan)
        assert cured.divergence is None
    assert scaled.divergence is None
    assert find_last_loss(scaled) < scaled.records[0].loss


def test_a_second_softmax_holds_the_loss_up(seed):
    double, logits = run_preset("double_softmax", seed)
    assert find_last_loss(double) > np.log(1 + 9 / np.e)  # 1.46, the lowest that it can be
    assert find_last_loss(logits) < 0.5


def test_a_warm_up_ends_lower_than_the_full_rate_at_once(seed):
    constant, warm = run_preset("warm_up", seed)
    assert find_last_loss(warm) < 0.7 * find_last_loss(constant)


def test_presets_say_what_to_look_for_and_differ_in_what_they_compare():
    for preset in TRAINING_PRESETS.values():
        assert preset.label
        assert preset.look_for.endswith(".")
        assert len({one.label for one in preset.runs}) == len(preset.runs) >= 2
        assert len({(one.experiment, one.plan) for one in preset.runs}) == len(preset.runs)
        assert len({one.experiment.seed for one in preset.runs}) == 1
    assert Origin.SIGNAL in {
        run.divergence.origin for run in run_preset("clipping", 0) if run.divergence is not None
    }
