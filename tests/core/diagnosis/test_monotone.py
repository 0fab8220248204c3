"""More of the same disease is never a milder verdict."""

import dataclasses

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import gradflow as gf
from gradflow.core.verdict import Severity, Verdict

RANKS = {Severity.GOOD: 0, Severity.NOTE: 1, Severity.WARNING: 2, Severity.BAD: 3}
FATES = (Verdict.HEALTHY, Verdict.VANISHING, Verdict.EXPLODING, Verdict.UNEVEN)


def rank_fate(report: gf.Report) -> int:
    """Rank the verdict on the gradient's course; 0 also where something else is said instead."""
    return max((RANKS[f.severity] for f in gf.findings(report) if f.verdict in FATES), default=0)


def run(**network: object) -> gf.Report:
    spec = gf.MLP(**{"width": 24, **network})
    data = gf.Data(batch_size=32)
    return gf.run(gf.Experiment(network=spec, data=data, dtype="float64", device="cpu"))


def make_chain(factors: list[float]) -> gf.Report:
    """A linear network whose layer l multiplies the gradient by exactly ``factors[l]``."""
    model = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in factors)).double()
    for layer, factor in zip(model, factors, strict=True):
        layer.weight.data = factor * torch.eye(4, dtype=torch.float64)
    return gf.probe(model, torch.eye(4).double(), loss=lambda out, _: out.square().sum())


FACTORS = st.lists(st.floats(0.05, 20), min_size=3, max_size=12)


@settings(max_examples=20, deadline=None)
@given(FACTORS, st.floats(1, 3))
def test_a_stretched_profile_is_never_milder(factors: list[float], power: float) -> None:
    """Every change of the gradient, from any layer to any other, to a higher power."""
    assert rank_fate(make_chain([f**power for f in factors])) >= rank_fate(make_chain(factors))


@settings(max_examples=20, deadline=None)
@given(FACTORS, st.floats(0.05, 20))
def test_another_layer_is_never_milder(factors: list[float], more: float) -> None:
    assert rank_fate(make_chain([more, *factors])) >= rank_fate(make_chain(factors))


DEPTHS = st.tuples(st.integers(6, 60), st.integers(6, 60)).map(sorted)


@settings(max_examples=5, deadline=None)
@given(DEPTHS, st.sampled_from(["batch", "none"]))
def test_deeper_blocks_are_never_milder(depths: list[int], norm: str) -> None:
    """With and without batch norm the gradient grows from block to block."""
    small, large = (
        rank_fate(
            run(
                depth=depth,
                connection="residual",
                activation="relu",
                initialization="kaiming_normal",
                normalization=norm,
                width=32,
            )
        )
        for depth in depths
    )
    assert small <= large


@settings(max_examples=8, deadline=None)
@given(st.floats(0.01, 0.9), st.floats(1.1, 4), st.integers(4, 24))
def test_weights_further_off_are_never_milder(size: float, times: float, depth: int) -> None:
    """In a linear network every factor of σ goes into every layer: below and above the best."""
    best = 24**-0.5
    for sigmas in (
        (best * size, best * size / times),
        (best / size**0.5, best / size**0.5 * times),
    ):
        mild, severe = (
            rank_fate(run(depth=depth, activation="linear", initialization="normal", init_std=s))
            for s in sigmas
        )
        assert mild <= severe


@settings(max_examples=15, deadline=None)
@given(st.floats(1, 1e6), st.floats(1, 1e3), st.booleans())
def test_larger_inputs_are_never_milder(scale: float, times: float, shift: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh())
    model.append(nn.Linear(16, 4))
    x, y = torch.randn(32, 10), torch.arange(32) % 4

    def probe(size: float) -> int:
        found = gf.findings(gf.probe(model, x + size if shift else x * size, y))
        return max((RANKS[f.severity] for f in found if f.verdict is Verdict.INPUTS), default=0)

    assert probe(scale) <= probe(scale * times)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-30, 30), min_size=4, max_size=9), st.integers(0, 8))
def test_a_layer_pulled_outwards_is_never_milder(logs: list[float], which: int) -> None:
    """Whatever the profile: its smallest and its largest norm further apart."""
    report = run(depth=len(logs), activation="tanh")
    norms = np.exp(np.array(logs))

    def judge(values: np.ndarray) -> int:
        columns = report.layers.assign(delta_norm=values)
        return rank_fate(dataclasses.replace(report, layers=columns))

    pulled = norms.copy()
    pulled[np.argmax(norms[:-1])] *= 1 + which
    assert judge(pulled) >= judge(norms)
