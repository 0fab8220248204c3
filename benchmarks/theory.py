"""Theory beside networks: settings drawn at random, what is predicted, and 32 seeds of each.

A prediction keeps its promise if at every hidden layer the median over the seeds of ‖∂L/∂z_l‖ and
of ‖∂L/∂a_l‖, both relative to the readout's ‖∂L/∂z‖, is within 30% of the prediction and inside its
band, and the medians of the signal's root mean square and of the standard deviation of z are within
30%.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import gradflow as gf
from benchmarks.drawn_settings import draw_settings
from benchmarks.harness import describe_machine, format_table
from gradflow.core.codec import from_fields, to_fields, to_query
from gradflow.core.ensemble import run_seeds
from gradflow.core.theory import Prediction, Standing, predict

SEEDS = 32
TOLERANCE = math.log(1.3)
GRADIENTS = ("delta_norm", "activation_grad_norm")
SIGNALS = ("activation_rms", "preactivation_std")
SHOWN = 10
Measured = dict[str, list[list[float]]]
"""Column → for each seed one number per layer."""


@dataclass(frozen=True)
class Outcome:
    """A prediction beside what was measured.

    Attributes:
        experiment, prediction: the setting, and what is predicted.
        error: largest |ln(median/predicted)| over the hidden layers, of gradients and signals.
        where: the column and the layer of the largest error.
        in_band: the medians of both gradients are inside the band at every hidden layer.
        share: networks (seed by seed and layer by layer) whose ‖∂L/∂z‖ is inside the band.
    """

    experiment: gf.Experiment
    prediction: Prediction
    error: float
    where: str
    in_band: bool
    share: float

    @property
    def kept(self) -> bool:
        """The promise is kept."""
        return self.in_band and self.error <= TOLERANCE


def measure(experiment: gf.Experiment, seeds: int = SEEDS) -> Measured:
    """Measure the columns that are compared; gradients relative to the readout's ‖∂L/∂z‖."""
    ensemble = run_seeds(experiment, seeds)
    columns = {name: ensemble.values[name] for name in (*GRADIENTS, *SIGNALS)}
    anchor = ensemble.values["delta_norm"][:, -1:]
    with np.errstate(all="ignore"):
        columns |= {name: columns[name] / anchor for name in GRADIENTS}
    return {name: values[:, :-1].tolist() for name, values in columns.items()}


def compare(
    experiment: gf.Experiment, predictions: Sequence[Prediction], measured: Measured
) -> Outcome:
    """Compare predictions with the medians over the seeds; each seed has inputs of its own."""
    worst, where, in_band, share = 0.0, "", True, math.nan
    first = predictions[0]
    width = np.log(first.band[:-1])
    with np.errstate(all="ignore"):
        for name in (*GRADIENTS, *SIGNALS):
            expected = np.array([getattr(prediction, name)[:-1] for prediction in predictions])
            if name in GRADIENTS:
                expected /= np.array([[p.delta_norm[-1]] for p in predictions])
            values = np.array(measured[name])
            known = np.isfinite(values).any(1)  # without seeds whose readout has no gradient
            values, expected = values[known], expected[known]
            ratios = np.log(values / expected)
            ratios[(expected == 0) & (values == 0)] = 0.0  # branches that start at 0
            if not ratios.size:
                continue
            medians = np.abs(np.median(ratios, axis=0))
            medians[~np.isfinite(medians)] = math.inf
            if medians.max() > worst:
                worst, where = float(medians.max()), f"{name} {int(medians.argmax()) + 1}"
            if name in GRADIENTS:
                in_band &= bool((medians <= width).all())
            if name == "delta_norm":
                share = float((np.abs(ratios) <= width).mean())
    return Outcome(experiment, first, worst, where, in_band, share)


def judge(experiment: gf.Experiment, measured: Measured) -> Outcome:
    """Predict each seed of one setting and compare; the anchor, which cancels, is the first's."""
    report = gf.run(experiment)
    seeds = range(experiment.seed, experiment.seed + len(measured[GRADIENTS[0]]))
    members = [experiment.model_copy(update={"seed": seed}) for seed in seeds]
    return compare(experiment, [predict(member, report) for member in members], measured)


def write_setting(experiment: gf.Experiment) -> str:
    """Write the settings that are not the defaults of their architecture."""
    usual = to_fields(from_fields({"architecture": experiment.network.architecture}))
    fields = to_fields(experiment)
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in fields.items()
        if name in ("architecture", "depth") or usual.get(name) != value
    )


def format_shares(outcomes: Sequence[Outcome]) -> str:
    """Make the table of what was kept, per label."""
    rows = []
    for standing in (Standing.QUANTITATIVE, Standing.QUALITATIVE):
        own = [outcome for outcome in outcomes if outcome.prediction.standing is standing]
        if own:
            errors = [outcome.error for outcome in own if math.isfinite(outcome.error)]
            inside = [outcome.share for outcome in own if math.isfinite(outcome.share)]
            rows.append(
                [
                    standing,
                    str(len(own)),
                    f"{np.mean([outcome.kept for outcome in own]):.1%}",
                    f"{np.expm1(np.median(errors)):.1%}",
                    f"{np.mean(inside):.0%}",
                ]
            )
    without = sum(outcome.prediction.standing is Standing.NONE for outcome in outcomes)
    rows.append([Standing.NONE, str(without), "", "", ""])
    head = ["label", "settings", "keep the promise", "median of the largest error"]
    return format_table([*head, "networks in the band"], rows)


def main(arguments: list[str] | None = None) -> None:
    """Draw settings, predict and measure them; print the shares and the worst."""
    parser = argparse.ArgumentParser("benchmarks.theory", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="draws other settings (default 0)")
    parser.add_argument("--settings", type=int, default=150, help="how many (default 150)")
    parser.add_argument("--measured", type=Path, help="JSON file that keeps what was measured")
    options = parser.parse_args(arguments)
    known: dict[str, Measured] = {}
    if options.measured and options.measured.exists():
        known = json.loads(options.measured.read_text())
    outcomes = []
    for experiment in draw_settings(options.settings, options.seed):
        key = json.dumps(to_query(experiment))
        if key not in known:
            known[key] = measure(experiment)
            if options.measured:
                options.measured.write_text(json.dumps(known))
        outcomes.append(judge(experiment, known[key]))
    print(f"### Theory\n\n{format_shares(outcomes)}\n")
    print(
        f"{len(outcomes)} settings, seed {options.seed}, {SEEDS} networks each. "
        f"{describe_machine()}.\n"
    )
    for standing in (Standing.QUANTITATIVE, Standing.QUALITATIVE):
        own = [outcome for outcome in outcomes if outcome.prediction.standing is standing]
        worst = sorted(own, key=lambda outcome: -outcome.error)[:SHOWN]
        rows = [
            [
                f"{math.exp(o.error):.2f}",
                o.where,
                "yes" if o.kept else "no",
                write_setting(o.experiment),
            ]
            for o in worst
        ]
        print(f"The worst that are {standing}:\n")
        print(
            format_table(["off by a factor", "where", "kept", "setting"], rows, texts=4), end="\n\n"
        )


if __name__ == "__main__":
    main()
