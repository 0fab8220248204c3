"""Runs behind the page on training: turns, threads, limits, what is kept, what is said."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from gradflow.core import codec
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, ConvNet, Data, Experiment, Transformer
from gradflow.core.training import Run, State, TrainingPlan, cost
from gradflow.core.training.presets import TRAINING_PRESETS, PresetRun
from gradflow.ui.compute import ADMISSION
from gradflow.ui.training import claims, files, live, runs, summary, words
from gradflow.ui.training.lanes import Shown, can_replay, experiment_of, named
from gradflow.ui.training.names import different, network
from gradflow.ui.training.runs import Claim, Group, Kept, Sessions, Setup, TooManyRuns

TINY = Experiment(network=MLP(depth=2, width=4), data=Data(batch_size=8))
LONG = TrainingPlan(steps=20_000, record_every=1000, reports=0, evaluate_every=0)
SHORT = TrainingPlan(steps=6, reports=0, evaluate_every=0)


def setup(plan: TrainingPlan = SHORT, count: int = 1) -> Setup:
    return Setup(None, tuple(PresetRun("", TINY, plan) for _i in range(count)))


def wait(group: Group) -> None:
    for lane in group.lanes:
        lane.wait(60)


def threads() -> int:
    return sum(thread.name == "gradflow-run" for thread in threading.enumerate())


@pytest.fixture
def sessions():
    """Sessions under a clock that the test sets, of browsers that the test closes."""
    now, open_tabs = [0.0], set()
    found = Sessions(clock=lambda: now[0], connected=lambda name: name in open_tabs)
    found.now, found.open_tabs = now, open_tabs
    yield found
    for session in found._sessions.values():
        if session.group is not None:
            session.group.stop()


# --- groups


def test_the_runs_of_a_group_play_to_the_end_with_the_numbers_of_a_run_alone():
    before = threads()
    group = Group(setup(count=2))
    assert not group.running
    assert group.steps == (0, 12)
    group.play()
    wait(group)
    assert group.over
    assert not group.running
    assert threads() == before
    alone = [record.loss for record in Run.collect(TINY, SHORT).records]
    for lane in group.lanes:
        assert [record.loss for record in lane.run.records] == alone


def test_runs_of_a_group_take_turns_and_leave_the_core_to_others_between_steps():
    held, most, entered, lock = [0], [0], [0], threading.Lock()

    @contextmanager
    def admission():
        with lock:  # one core
            held[0] += 1
            entered[0] += 1
            most[0] = max(most[0], held[0])
            yield
            held[0] -= 1

    class Gate:
        def __enter__(self):
            self._open = admission()
            self._open.__enter__()

        def __exit__(self, *error):
            self._open.__exit__(None, None, None)

    group = Group(setup(count=3), admission=Gate())
    group.play()
    wait(group)
    assert most[0] == 1
    assert entered[0] == 1 + 3 * SHORT.steps  # once to build them, then for every step
    assert lock.acquire(timeout=1)


def test_others_are_admitted_while_a_long_run_goes_on():
    group = Group(setup(LONG))
    group.play()
    for _i in range(20):
        assert ADMISSION.acquire(timeout=10)
        ADMISSION.release()
    assert group.running
    group.stop()


def test_step_pause_and_stop():
    before = threads()
    group = Group(setup(count=2))
    group.step()
    wait(group)
    assert [len(lane.run.records) for lane in group.lanes] == [1, 1]
    assert group.steps == (2, 12)
    assert not group.over
    assert threads() == before
    group.stop()
    assert group.over
    assert {lane.state for lane in group.lanes} == {State.STOPPED}
    assert group.steps == (2, 2)  # nothing is left to do
    group.play()
    assert threads() == before


def test_a_stopped_run_frees_its_thread():
    before = threads()
    group = Group(setup(LONG, count=2))
    group.play()
    assert threads() == before + 2
    group.stop()
    assert threads() == before
    assert all(lane._trainer is None for lane in group.lanes)


def test_time_left_is_that_of_the_pace_since_it_was_started():
    group = Group(setup(LONG))
    assert group.seconds_left() is None
    group.play()
    while group.steps[0] < 10:
        threading.Event().wait(0.01)
    start, _steps = group._since
    done = group.steps[0]
    left = group.seconds_left(start + 5.0)
    group.stop()
    pace = 5.0 / done
    assert left is not None
    # Steps go on while it is asked; there are never more than 20,000 − done left.
    assert 0 < left <= (20_000 - done) * pace * (1 + 1e-9)
    assert group.seconds_left() is None


# --- sessions


def test_a_run_pauses_when_its_page_is_gone_and_goes_on_while_it_is_open(sessions):
    sessions.open_tabs.add("tab")
    token = sessions.open("tab")
    group = sessions.start(sessions.look(token, "tab"), setup(LONG))
    group.play()
    sessions.now[0] += 10 * runs.ABSENT_SECONDS  # on another page of the app, but open
    done = group.steps[0]
    while group.steps[0] < done + 5:
        threading.Event().wait(0.01)
    assert group.running
    sessions.open_tabs.clear()
    sessions.now[0] += runs.ABSENT_SECONDS + 1
    wait(group)
    assert [lane.state for lane in group.lanes] == [State.PAUSED]
    assert threads() == 0 or not group.running
    assert words.progress(group)[1].endswith("paused, its page was closed")
    assert "Play goes on" in words.claimed(Claim.GIVEN, group)
    sessions.look(token, "tab")
    group.play()
    assert group.running
    assert words.claimed(Claim.GIVEN, group) == ""
    group.pause()
    assert words.progress(group)[1].endswith("paused")


def test_a_session_that_is_long_gone_is_forgotten_with_its_runs(sessions):
    token = sessions.open("tab")
    session = sessions.look(token, "tab")
    group = sessions.start(session, setup(LONG))
    group.step()
    sessions.now[0] += runs.FORGOTTEN_SECONDS + 1
    other = sessions.open("other")
    assert group.over
    assert set(sessions._sessions) == {other}
    assert sessions.look(token, "tab").group is None  # an empty one instead


def test_a_page_that_is_loaded_anew_gets_its_runs_back(sessions):
    sessions.open_tabs.add("before")
    token = sessions.open("before")
    group = sessions.start(sessions.look(token, "before"), setup(LONG))
    sessions.open_tabs.clear()
    sessions.open_tabs.add("after")
    assert sessions.claim(token, "after") is Claim.GIVEN
    session = sessions.look(token, "after")
    assert session.group is group
    assert session.streamlit_id == "after"


def test_runs_of_an_open_page_and_of_none_are_not_handed_over(sessions):
    sessions.open_tabs.add("owner")
    token = sessions.open("owner")
    sessions.start(sessions.look(token, "owner"), setup(LONG))
    assert sessions.claim(token, "stranger") is Claim.OPEN_ELSEWHERE
    assert sessions.look(token, "owner").streamlit_id == "owner"
    assert sessions.claim("guessed", "stranger") is Claim.FORGOTTEN
    assert "guessed" not in sessions._sessions
    sessions.open_tabs.clear()
    sessions.now[0] += runs.FORGOTTEN_SECONDS + 1
    assert sessions.claim(token, "owner") is Claim.FORGOTTEN


def test_tokens_cannot_be_guessed(sessions):
    tokens = {sessions.open("tab") for _i in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 22  # 128 bits in 64 letters


def test_a_new_group_ends_the_one_before_but_an_impossible_one_does_not(sessions):
    session = sessions.look(sessions.open("tab"), "tab")
    first = sessions.start(session, setup(LONG))
    half = TINY.model_copy(update={"dtype": "float16"})
    with pytest.raises(InvalidExperiment, match="float16"):
        sessions.start(session, Setup(None, (PresetRun("", half, SHORT),)))
    assert session.group is first
    assert not first.over
    second = sessions.start(session, setup())
    assert first.over
    assert session.group is second


def test_only_so_many_sessions_train_at_a_time(sessions, monkeypatch):
    monkeypatch.setattr(runs, "MOST_RUNNING", 1)
    one, two = (sessions.look(sessions.open(name), name) for name in "ab")
    sessions.admit(one)
    group = sessions.start(one, setup(LONG))
    group.play()
    sessions.admit(one)  # its own runs do not count
    with pytest.raises(TooManyRuns, match="This server runs 1 trainings"):
        sessions.admit(two)
    group.stop()
    sessions.admit(two)


def test_running_sessions_are_counted_and_many_of_them_look_less_often(sessions):
    found = [sessions.look(sessions.open(name), name) for name in ("a", "b", "c")]
    for session in found[:2]:
        sessions.start(session, setup(LONG)).play()
    sessions.start(found[2], setup(LONG))
    assert sessions.running() == 2
    assert sessions.running(but=found[0]) == 1
    assert live.pace(1) == live.pace(4) == 1
    assert live.pace(30) * live.EVERY == pytest.approx(3)


def test_the_oldest_earlier_run_makes_room(sessions):
    session = sessions.look(sessions.open("tab"), "tab")
    run = Run.collect(TINY, SHORT)
    keys = [session.keep(Kept(str(i), run))[0] for i in range(runs.MOST_KEPT + 2)]
    assert len(set(keys)) == len(keys)
    assert list(session.kept) == keys[2:]
    assert [one.name for one in session.kept.values()] == [
        str(i) for i in range(2, runs.MOST_KEPT + 2)
    ]


# --- numbers and words


@pytest.fixture(scope="module")
def run() -> Run:
    return Run.collect(TINY, TrainingPlan(steps=15, reports=0, evaluate_every=4))


def test_a_summary_takes_means_over_the_last_ten_records(run):
    found = summary.summarized(run)
    table = run.table()
    assert found.steps == 15
    assert found.loss_before == table["loss"].iloc[0]
    assert found.loss == pytest.approx(table["loss"].iloc[5:].mean())
    assert found.accuracy == pytest.approx(table["accuracy"].iloc[5:].mean())
    assert found.held_out_loss == table["held_out_loss"].dropna().iloc[-1]
    assert found.grad_norm_largest == table["grad_norm"].max()
    layers = run.layers()
    first = layers[layers["step"] == 1].set_index("layer")["weight_grad_norm"]
    assert found.first_share == pytest.approx(first[1] / first[2])
    ratios = [
        float(np.median(layers[layers["layer"] == i]["update_ratio"].to_numpy()[5:]))
        for i in (1, 2)
    ]
    assert found.ratios == pytest.approx(ratios)
    assert found.spread == pytest.approx(max(ratios) / min(ratios))
    assert found.broke is None
    assert summary.summarized(Run("", None, SHORT, ())) is None


def test_the_table_has_a_column_per_run(run):
    table = summary.table([("A one", run), ("B two", run)])
    assert list(table.columns[1:]) == ["A one", "B two"]
    rows = table.set_index(table.columns[0])["A one"]
    assert rows["Steps done"] == "15"
    assert rows["Broke in step"] == "–"


def test_what_was_not_measured_is_a_dash_and_what_was_a_number(run):
    table = summary.table([("A", run)]).set_index("Mean of the last 10 records")["A"]
    assert table["Gradient noise scale, samples"] == "–"
    plan = TrainingPlan(steps=4, reports=0, evaluate_every=0, noise_every=2)
    noisy = Run.collect(TINY, plan)
    table = summary.table([("A", noisy)]).set_index("Mean of the last 10 records")["A"]
    measured = noisy.table()["noise_scale"].dropna().iloc[-1]
    assert table["Gradient noise scale, samples"] == words.number(measured)
    assert table["Held-out loss, last look"] == "–"
    half = plan.changed(precision="float16", initial_scale=2.0**40, noise_every=0)
    skipping = Run.collect(TINY, half)
    skipped = int(skipping.table()["skipped"].sum())
    assert skipped > 0
    assert summary.summarized(skipping).skipped == skipped


def test_speeds_name_the_slowest_and_the_fastest_layer(run):
    def said(*ratios: float) -> str:
        return words.speeds(replace(summary.summarized(run), ratios=ratios))

    even = said(1e-3, 2e-3)
    assert even == "Per step, layer 1 moves by 0.001 of its size, layer 2 by 0.002."
    assert "layer 2 moves by 10⁻⁵" in said(1e-3, 1e-5).replace("1·10", "10")
    assert "100 times as fast" in said(1e-3, 1e-5)
    assert "a larger rate may help" in said(1e-6, 1e-5)
    assert "a smaller rate may help" in said(0.1, 0.2)
    assert said(0.0, 1e-3) == "1 of 2 layers do not move at all."
    assert said(0.0, 0.0) == "No layer moves."
    assert said(math.nan) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.5, "60 s"), (61, "1 min 1 s"), (7325, "2 h 2 min")],
)
def test_times_as_people_say_them(seconds, text):
    assert words.duration(seconds) == text


def test_runs_are_named_after_what_they_do_and_know_their_settings(run):
    plan = TrainingPlan(steps=1, clip="norm", l2=0.01, optimizer="adam", learning_rate=0.003)
    name = named(Run("net", None, plan, ()))
    assert name == "net, Adam η 0.003, clipped, L2 0.01"
    assert experiment_of(run) == TINY
    with pytest.raises(InvalidExperiment, match="not made from settings"):
        experiment_of(Run("net", None, plan, ()))


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (
            MLP(depth=3, width=8, activation="relu", initialization="normal", init_std=0.25),
            "ReLU, Normal σ 0.25, 3 layers, width 8",
        ),
        (
            ConvNet(depth=4, activation="tanh", initialization="xavier_normal",
                    normalization="batch", connection="residual"),
            "Convolutional, Tanh, Xavier normal, 4 layers, 16 channels, BatchNorm, Residual",
        ),
        (
            Transformer(depth=2, width=16, heads=2, norm_placement="post", activation="gelu"),
            "Transformer, GELU, 2 blocks, width 16, 2 heads, Post-LN",
        ),
    ],
)  # fmt: skip
def test_networks_are_called_by_the_words_of_the_controls(spec, name):
    assert network(Experiment(network=spec)) == name


def test_the_name_of_a_run_says_what_is_unusual(run):
    plan = run.plan.changed(steps=50, schedule="cosine", clip="norm", l2=0.01, precision="bfloat16")
    assert named(replace(run, plan=plan)).endswith(", Cosine, clipped, L2 0.01, Mixed, bfloat16")
    assert named(Run("net", None, plan, ())).startswith("net, ")


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
    assert different([(BASE, TrainingPlan()), *others]) == names


def test_the_size_of_a_file_is_known_before_it_is_made(run):
    small = len(run.to_json()) / 1e6
    assert 0.5 < files.megabytes(run) / small < 2
    plan = TrainingPlan(steps=6, reports=6)
    reported = Run.collect(TINY, plan)
    assert 0.5 < files.megabytes(reported) / (len(reported.to_json()) / 1e6) < 2
    assert files.megabytes(Run("net", None, plan, ())) == 0


# --- sentences


def test_long_runs_are_announced_and_short_ones_are_not():
    assert words.estimate(setup()) == ""
    wide = Experiment(network=MLP(depth=20, width=512), data=Data(batch_size=256), device="cpu")
    plan = TrainingPlan(steps=20_000, record_every=20)
    seconds = cost.seconds(wide, plan)
    both = Setup(None, (PresetRun("", wide, plan), PresetRun("", wide, plan)))
    assert f"roughly {words.roughly(2 * seconds)} of one" in words.estimate(both)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(61, "1 min"), (330, "6 min"), (1420, "20 min"), (3700, "1 h"), (9000, "2.5 h")],
)
def test_rough_times_have_no_more_digits_than_they_deserve(seconds, text):
    assert words.roughly(seconds) == text


def test_what_became_of_a_link_is_said():
    group = Group(setup(LONG))
    assert words.claimed(Claim.GIVEN, group) == ""  # paused by hand: the progress bar says so
    group.stop()
    assert "open elsewhere" in words.claimed(Claim.OPEN_ELSEWHERE, None)
    assert "no longer kept" in words.claimed(Claim.FORGOTTEN, None)


def test_a_minus_infinity_that_relu_hides_is_spoken_of(run):
    assert not words.hidden(run)
    one = TRAINING_PRESETS["clipping"].runs[0]
    broken = Run.collect(one.experiment, one.plan)
    layer = broken.divergence.layer
    signals = broken.reports[broken.divergence.step].signals.set_index("module")
    assert signals.loc[f"linear{layer}", "min"] == -math.inf
    assert math.isfinite(signals.loc[f"act{layer}", "max"])
    assert words.hidden(broken)


def test_the_outcome_is_a_sentence_with_the_numbers(run):
    text = words.outcome(Shown("A", "net", run))
    last = run.table()["loss"].iloc[5:].mean()
    assert text.startswith("**A** net: loss ")
    assert f"→ {words.number(last)} in 15 steps" in text


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
    found = words.rule(TrainingPlan(**plan))
    assert all(part in found for part in parts)
    assert ("\\lambda_1" in found) == ("l1" in plan)
    assert ("\\lambda_2" in found) == ("l2" in plan)
    assert ("{c}{" in found) == (plan.get("clip") == "norm")


# --- claims


def test_every_preset_has_a_claim():
    assert claims.CLAIMS.keys() == TRAINING_PRESETS.keys()
    assert all(len(preset.runs) <= runs.MOST_LANES for preset in TRAINING_PRESETS.values())


@pytest.mark.parametrize("code", TRAINING_PRESETS)
def test_what_is_measured_bears_out_the_claim_and_would_not_the_other_way_round(code):
    preset = TRAINING_PRESETS[code]
    every = 4 if code == "degradation" else 3
    found = [
        Run.collect(
            one.experiment, one.plan.changed(record_every=every, reports=0, evaluate_every=10)
        )
        for one in preset.runs
    ]
    lines, holds = claims.judged(code, found)
    assert holds
    assert len(lines) == len(found)
    assert [line[:5] for line in lines] == [f"**{letter}**" for letter in "ABCD"[: len(found)]]
    _lines, reversed_holds = claims.judged(code, found[::-1])
    assert not reversed_holds
    nothing = Run("", None, SHORT, ())
    assert claims.judged(code, [nothing, *found[1:]]) is None


def test_a_forged_file_cannot_ask_for_a_day_of_computing(run):
    assert can_replay(run)
    heavy = Experiment(network=MLP(depth=40, width=1000), data=Data(batch_size=512))
    plan = TrainingPlan(steps=20_000, record_every=20)
    assert not can_replay(replace(run, settings=codec.to_query(heavy), plan=plan))
    assert can_replay(replace(run, settings=codec.to_query(heavy)))
    assert not can_replay(Run("net", None, plan, ()))
