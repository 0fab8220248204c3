"""What the page on training says: numbers, names, sentences, claims."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, ConvNet, Data, Experiment, Transformer
from gradflow.core.training import Run, TrainingPlan, cost
from gradflow.core.training.presets import TRAINING_PRESETS, PresetRun
from gradflow.ui.training import claims, files, groups, summary, words
from gradflow.ui.training.groups import RunGroup, Setup
from gradflow.ui.training.lanes import ShownRun, find_experiment, name_run
from gradflow.ui.training.names import name_by_differences, name_network
from gradflow.ui.training.sessions import TokenClaim

TINY = Experiment(network=MLP(depth=2, width=4), data=Data(batch_size=8))
LONG = TrainingPlan(steps=20_000, record_every=1000, reports=0, evaluate_every=0)
SHORT = TrainingPlan(steps=6, reports=0, evaluate_every=0)


def make_setup(plan: TrainingPlan = SHORT, count: int = 1) -> Setup:
    return Setup(None, tuple(PresetRun("", TINY, plan) for _i in range(count)))


# --- numbers and words


@pytest.fixture(scope="module")
def run() -> Run:
    return Run.collect(TINY, TrainingPlan(steps=15, reports=0, evaluate_every=4))


def test_a_summary_takes_means_over_the_last_ten_records(run):
    means = summary.summarize_run(run)
    table = run.table()
    assert means.steps == 15
    assert means.loss_before == table["loss"].iloc[0]
    assert means.loss == pytest.approx(table["loss"].iloc[5:].mean())
    assert means.accuracy == pytest.approx(table["accuracy"].iloc[5:].mean())
    assert means.held_out_loss == table["held_out_loss"].dropna().iloc[-1]
    assert means.grad_norm_largest == table["grad_norm"].max()
    layers = run.layers()
    first = layers[layers["step"] == 1].set_index("layer")["weight_grad_norm"]
    assert means.first_share == pytest.approx(first[1] / first[2])
    ratios = [
        float(np.median(layers[layers["layer"] == i]["update_ratio"].to_numpy()[5:]))
        for i in (1, 2)
    ]
    assert means.ratios == pytest.approx(ratios)
    assert means.spread == pytest.approx(max(ratios) / min(ratios))
    assert means.broke is None
    assert summary.summarize_run(Run("", None, SHORT, ())) is None


def test_the_table_has_a_column_per_run(run):
    table = summary.make_summary_table([("A one", run), ("B two", run)])
    assert list(table.columns[1:]) == ["A one", "B two"]
    rows = table.set_index(table.columns[0])["A one"]
    assert rows["Steps done"] == "15"
    assert rows["Diverged in step"] == "–"


def test_what_was_not_measured_is_a_dash_and_what_was_a_number(run):
    table = summary.make_summary_table([("A", run)]).set_index("Mean of the last 10 records")["A"]
    assert table["Gradient noise scale, samples"] == "–"
    plan = TrainingPlan(steps=4, reports=0, evaluate_every=0, noise_every=2)
    noisy = Run.collect(TINY, plan)
    table = summary.make_summary_table([("A", noisy)]).set_index("Mean of the last 10 records")["A"]
    measured = noisy.table()["noise_scale"].dropna().iloc[-1]
    assert table["Gradient noise scale, samples"] == words.format_number(measured)
    assert table["Held-out loss, last look"] == "–"
    half = plan.replace_settings(precision="float16", initial_scale=2.0**40, noise_every=0)
    skipping = Run.collect(TINY, half)
    skipped = int(skipping.table()["skipped"].sum())
    assert skipped > 0
    assert summary.summarize_run(skipping).skipped == skipped


def test_speeds_name_the_slowest_and_the_fastest_layer(run):
    def describe(*ratios: float) -> str:
        return words.describe_speeds(replace(summary.summarize_run(run), ratios=ratios))

    even = describe(1e-3, 2e-3)
    assert even == "Per step, layer 1 moves by 0.001 of its size, layer 2 by 0.002."
    assert "layer 2 moves by 10⁻⁵" in describe(1e-3, 1e-5).replace("1·10", "10")
    assert "100 times as fast" in describe(1e-3, 1e-5)
    assert "a larger rate may help" in describe(1e-6, 1e-5)
    assert "a smaller rate may help" in describe(0.1, 0.2)
    assert describe(0.0, 1e-3) == "1 of 2 layers do not move at all."
    assert describe(0.0, 0.0) == "No layer moves."
    assert describe(math.nan) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.5, "60 s"), (61, "1 min 1 s"), (7325, "2 h 2 min")],
)
def test_times_as_people_say_them(seconds, text):
    assert words.format_duration(seconds) == text


def test_runs_are_named_after_what_they_do_and_know_their_settings(run):
    plan = TrainingPlan(steps=1, clip="norm", l2=0.01, optimizer="adam", learning_rate=0.003)
    name = name_run(Run("net", None, plan, ()))
    assert name == "net, Adam η 0.003, clipped, L2 0.01"
    assert find_experiment(run) == TINY
    with pytest.raises(InvalidExperiment, match="not made with settings"):
        find_experiment(Run("net", None, plan, ()))


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (
            MLP(depth=3, width=8, activation="relu", initialization="normal", init_std=0.25),
            "ReLU, Normal σ 0.25, 3 layers, width 8",
        ),
        (
            ConvNet(
                depth=4,
                activation="tanh",
                initialization="xavier_normal",
                normalization="batch",
                connection="residual",
            ),
            "Convolutional, Tanh, Xavier normal, 4 layers, 16 channels, BatchNorm, Residual",
        ),
        (
            Transformer(depth=2, width=16, heads=2, norm_placement="post", activation="gelu"),
            "Transformer, GELU, 2 blocks, width 16, 2 heads, Post-LN",
        ),
    ],
)
def test_networks_are_called_by_the_words_of_the_controls(spec, name):
    assert name_network(Experiment(network=spec)) == name


def test_the_name_of_a_run_says_what_is_unusual(run):
    plan = run.plan.replace_settings(
        steps=50, schedule="cosine", clip="norm", l2=0.01, precision="bfloat16"
    )
    assert name_run(replace(run, plan=plan)).endswith(", Cosine, clipped, L2 0.01, Mixed, bfloat16")
    assert name_run(Run("net", None, plan, ())).startswith("net, ")


BASE = Experiment(network=MLP(depth=3, width=8, activation="relu"))


@pytest.mark.parametrize(
    ("others", "names"),
    [
        ([(BASE, TrainingPlan(optimizer="adam"))], ["SGD", "Adam"]),
        (
            [(BASE, TrainingPlan(clip="norm", threshold=0.5, record_every=7))],
            ["no clipping", "Clipping By norm, Threshold c 0.5"],
        ),
        (
            [
                (Experiment(network=MLP(depth=9, width=8)), TrainingPlan(steps=50)),
                (BASE, TrainingPlan(schedule="cosine", learning_rate=0.5)),
            ],
            [
                "ReLU, Learning rate 0.1, Schedule Constant, …",
                "Tanh, Learning rate 0.1, Schedule Constant, …",
                "ReLU, Learning rate 0.5, Schedule Cosine, …",
            ],
        ),
        ([(BASE, TrainingPlan(steps=50))], ["Steps 200", "Steps 50"]),
        ([(BASE, TrainingPlan(reports=2))], ["", ""]),
        ([], [""]),
    ],
)
def test_runs_side_by_side_are_called_after_what_is_different(others, names):
    assert name_by_differences([(BASE, TrainingPlan()), *others]) == names


def test_the_size_of_a_file_is_known_before_it_is_made(run):
    small = len(run.to_json()) / 1e6
    assert 0.5 < files.estimate_megabytes(run) / small < 2
    plan = TrainingPlan(steps=6, reports=6)
    reported = Run.collect(TINY, plan)
    assert 0.5 < files.estimate_megabytes(reported) / (len(reported.to_json()) / 1e6) < 2
    assert files.estimate_megabytes(Run("net", None, plan, ())) == 0


# --- sentences


def test_long_runs_are_announced_and_short_ones_are_not():
    assert words.announce_duration(make_setup()) == ""
    wide = Experiment(network=MLP(depth=20, width=512), data=Data(batch_size=256), device="cpu")
    plan = TrainingPlan(steps=20_000, record_every=20)
    seconds = cost.estimate_seconds(wide, plan)
    both = Setup(None, (PresetRun("", wide, plan), PresetRun("", wide, plan)))
    assert f"roughly {words.format_roughly(2 * seconds)} on one" in words.announce_duration(both)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(61, "1 min"), (330, "6 min"), (1420, "20 min"), (3700, "1 h"), (9000, "2.5 h")],
)
def test_rough_times_have_no_more_digits_than_they_deserve(seconds, text):
    assert words.format_roughly(seconds) == text


def test_what_became_of_a_link_is_said():
    group = RunGroup(make_setup(LONG))
    assert (
        words.describe_claim(TokenClaim.GIVEN, group) == ""
    )  # paused by hand: the progress bar says so
    group.stop()
    assert "open elsewhere" in words.describe_claim(TokenClaim.OPEN_ELSEWHERE, None)
    assert "no longer stored" in words.describe_claim(TokenClaim.FORGOTTEN, None)


def test_a_minus_infinity_that_relu_hides_is_spoken_of(run):
    assert not words.is_break_hidden(run)
    preset_run = TRAINING_PRESETS["clipping"].runs[0]
    broken = Run.collect(preset_run.experiment, preset_run.plan)
    layer = broken.divergence.layer
    signals = broken.reports[broken.divergence.step].signals.set_index("module")
    assert signals.loc[f"linear{layer}", "min"] == -math.inf
    assert math.isfinite(signals.loc[f"act{layer}", "max"])
    assert words.is_break_hidden(broken)


def test_the_outcome_is_a_sentence_with_the_numbers(run):
    text, speeds = words.describe_result(ShownRun("A", "net", run))
    last = run.table()["loss"].iloc[5:].mean()
    assert text.startswith("**A** net: loss ")
    assert f"→ {words.format_number(last)} in 15 steps" in text
    assert speeds.startswith("Per step, layer ")


@pytest.mark.parametrize(
    ("plan", "parts"),
    [
        ({}, ["W_t - \\eta"]),
        ({"clip": "norm"}, ["\\min\\left(1, \\frac{c}"]),
        ({"clip": "value", "l2": 0.1}, ["-c\\right), c\\right)", "+ \\lambda_2 W"]),
        ({"l1": 0.1}, ["\\lambda_1 \\operatorname{sign}"]),
        ({"schedule": "warmup"}, ["\\min(1, t/w)"]),
        ({"schedule": "cosine"}, ["(t > w)", "\\eta_t = \\eta\\,t/w\\ (t \\le w)"]),
        ({"optimizer": "adam"}, ["\\beta_1"]),
    ],
)
def test_the_formulas_are_those_of_the_plan(plan, parts):
    rule = words.write_rule(TrainingPlan(**plan))
    assert all(part in rule for part in parts)
    assert ("\\lambda_1" in rule) == ("l1" in plan)
    assert ("\\lambda_2" in rule) == ("l2" in plan)
    assert ("{c}{" in rule) == (plan.get("clip") == "norm")


# --- claims


def test_every_preset_has_a_claim():
    assert claims.CLAIMS.keys() == TRAINING_PRESETS.keys()
    assert all(len(preset.runs) <= groups.MAX_LANES for preset in TRAINING_PRESETS.values())


@pytest.mark.parametrize("code", TRAINING_PRESETS)
def test_what_is_measured_bears_out_the_claim_and_would_not_the_other_way_round(code):
    preset = TRAINING_PRESETS[code]
    every = 4 if code == "degradation" else 3
    trained = [
        Run.collect(
            preset_run.experiment,
            preset_run.plan.replace_settings(record_every=every, reports=0, evaluate_every=10),
        )
        for preset_run in preset.runs
    ]
    lines, holds = claims.judge_preset(code, trained)
    assert holds
    assert len(lines) == len(trained)
    assert [line[:5] for line in lines] == [f"**{letter}**" for letter in "ABCD"[: len(trained)]]
    _lines, reversed_holds = claims.judge_preset(code, trained[::-1])
    assert not reversed_holds
    nothing = Run("", None, SHORT, ())
    assert claims.judge_preset(code, [nothing, *trained[1:]]) is None
