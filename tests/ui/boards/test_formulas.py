"""The formulas of the boards, in the browser's language, against PyTorch's numbers."""

import atexit
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright._impl._driver import compute_driver_executable

from gradflow.core.catalog import Activation, DType
from gradflow.core.catalog.optimizers import Clip
from gradflow.core.teaching.chain import Chain, run_chain
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.optimizers import DescentOptimizer
from gradflow.core.teaching.perceptron import Perceptron, run_perceptron
from gradflow.core.teaching.perceptron_steps import list_steps
from gradflow.core.teaching.slope import evaluate_with_slope
from gradflow.core.teaching.surfaces import SURFACES, Surface
from gradflow.core.teaching.trajectories import run_descent
from gradflow.ui.assets import OURS
from gradflow.ui.boards import specs

EXACT = 1e-12
_RUN = """
import { readFileSync } from "node:fs";
const [address, name] = process.argv.slice(-2);
const call = (await import(address))[name];
const calls = JSON.parse(readFileSync(0, "utf-8"));
const plain = (_key, value) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
process.stdout.write(JSON.stringify(calls.map((given) => call(...given)), plain));
"""


@cache
def lay_out_scripts() -> Path:
    """Lay all scripts into one folder, as the server does."""
    folder = Path(tempfile.mkdtemp(prefix="gradflow-scripts-"))
    atexit.register(shutil.rmtree, folder)
    for path in OURS:
        shutil.copy(path, folder)
    return folder


def call(script: str, function: str, *calls: Any) -> Any:
    """Call a function of a script once for each list of arguments, in the browser driver's node."""
    node, _cli = compute_driver_executable()
    address = (lay_out_scripts() / script).as_uri()
    command = [node, "--input-type=module", "--eval", _RUN, address, function]
    answer = subprocess.run(
        command, input=json.dumps(calls), capture_output=True, check=True, text=True
    )
    return json.loads(answer.stdout)


def to_array(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=float)  # "NaN" and "Infinity" are read as well


def assert_same(values: Any, expected: Any, tolerance: float = EXACT) -> None:
    np.testing.assert_allclose(to_array(values), to_array(expected), tolerance, tolerance)


def test_activations_and_slopes() -> None:
    z = [*np.linspace(-30, 30, 241).tolist(), 1e-9, -1e-9, 0.1234567]
    for activation in Activation:
        value, slope = evaluate_with_slope(activation, torch.tensor(z, dtype=torch.float64))
        found = to_array(call("slopes.js", "evaluate", *[[activation, x] for x in z]))
        np.testing.assert_allclose(found[:, 0], value, EXACT, EXACT, err_msg=activation)
        np.testing.assert_allclose(found[:, 1], slope, EXACT, EXACT, err_msg=activation)


CHAINS = [
    *(
        Chain(
            length=5,
            activation=activation,
            weights=(1.3, -0.7, 2.0, 0.9, -1.5),
            biases=(0.1, -0.2, 0.3, 0.0, 0.5),
            input=0.8,
            target=0.3,
        )
        for activation in Activation
    ),
    Chain(length=1),
    Chain(length=12, weights=(10.0,), activation=Activation.LINEAR, input=1e300),
    Chain(length=12, activation=Activation.TANH, weights=(10.0,), biases=(-3.0,)),
]


def test_chains() -> None:
    runs = call("chainrun.js", "runChain", *[[specs.describe_chain(chain)] for chain in CHAINS])
    for chain, run in zip(CHAINS, runs, strict=True):
        expected = run_chain(chain)
        for name in ("h", "z", "slope", "error", "loss", "g", "factors"):
            assert_same(run[name], getattr(expected, name))
        assert_same(run["weightGradients"], expected.weight_gradients)


@pytest.mark.parametrize("dtype", [d for d in DType if d is not DType.FLOAT64])
def test_chains_in_other_formats(dtype: DType) -> None:
    """PyTorch computes a slope in float32 and rounds it once: two units in the last place."""
    chains = [
        Chain(length=8, dtype=dtype, activation=activation, weights=(w,), biases=(0.3,), input=0.7)
        for activation in (Activation.RELU, Activation.TANH, Activation.SIGMOID)
        for w in (0.6, -1.4, 10.0)
    ]
    for run, chain in zip(
        call("chainrun.js", "runChain", *[[specs.describe_chain(c)] for c in chains]),
        chains,
        strict=True,
    ):
        expected = run_chain(chain)
        unit = torch.finfo(getattr(torch, dtype)).eps
        smallest = expected.range[0]
        for name in ("h", "z", "g"):
            values, wanted = to_array(run[name]), to_array(getattr(expected, name))
            np.testing.assert_allclose(values, wanted, 20 * unit, 2 * smallest)


NETWORKS = [
    *(
        Perceptron(activation=activation, seed=seed, updates=seed)
        for seed, activation in enumerate((Activation.SIGMOID, Activation.TANH, Activation.GELU))
    ),
    Perceptron(hidden=(5, 2, 3), targets=(0.5, -1.0, 2.0), activation=Activation.SILU),
    Perceptron(hidden=(1,), targets=(0.5,)),
]


def test_networks() -> None:
    for network, answer in zip(
        NETWORKS,
        call("netpass.js", "backpropagate", *[[specs.describe_network(n)] for n in NETWORKS]),
        strict=True,
    ):
        expected = run_perceptron(network).by_pytorch
        assert_same(answer["loss"], expected.loss)
        for name in ("a", "z", "delta", "weight"):
            for values, wanted in zip(answer[name], getattr(expected, name), strict=True):
                assert_same(values, wanted)
        for (weight, bias), (wanted, wanted_bias) in zip(
            answer["updated"], expected.updated, strict=True
        ):
            assert_same(weight, wanted)
            assert_same(bias, wanted_bias)


def test_all_paths_add_up_to_what_the_next_deltas_say() -> None:
    network = Perceptron(hidden=(4, 5, 3), targets=(0.5, -1.0), activation=Activation.TANH)
    given = specs.describe_network(network)
    (answer,) = call("netpass.js", "backpropagate", [given])
    run = run_perceptron(network)
    for layer, paths in ((1, 5 * 3 * 2), (2, 3 * 2), (3, 2)):
        for unit in range(1, network.hidden[layer - 1] + 1):
            # ∂E/∂a, which autograd's δ = ∂E/∂a · f′(z) contains.
            wanted = run.by_pytorch.delta[layer - 1][unit - 1] / run.slope[layer - 1][unit - 1]
            for name, count in (("listPaths", paths), ("listTerms", run.spec.sizes[layer + 1])):
                (listed,) = call("netpass.js", name, [given, answer, layer, unit])
                assert len(listed) == count
                assert sum(part["product"] for part in listed) == pytest.approx(float(wanted))


def list_descents() -> list[Descent]:
    rules = tuple(DescentOptimizer)
    plain = [
        Descent(surface=surface, optimizers=rules, steps=60, momentum=0.8) for surface in Surface
    ]
    clipped = [
        Descent(surface=Surface.RAVINE, optimizers=rules, steps=60, clip=clip, threshold=0.4)
        for clip in (Clip.NORM, Clip.VALUE)
    ]
    bare = [Descent(surface=Surface.BOWL, optimizers=rules, momentum=0.0, steps=20)]
    line = [p.descent for p in PRESETS.values() if SURFACES[p.descent.surface].dimension == 1]
    return [*plain, *clipped, *bare, *line]


def test_descents() -> None:
    descents = list_descents()
    answers = call("descents.js", "runDescent", *[[specs.describe_descent(d)] for d in descents])
    for descent, paths in zip(descents, answers, strict=True):
        for path, expected in zip(paths, run_descent(descent), strict=True):
            assert len(path["points"]) == len(expected.points)
            # Where steps grow an error, as on a cliff, they grow rounding errors too.
            is_tame = descent.row.dimension == 1 and expected.broken_at is None
            compared = slice(None if is_tame else 8)
            for name in ("points", "loss", "gradients"):
                assert_same(path[name][compared], getattr(expected, name)[compared])


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_steps_are_those_of_the_table(layers: int) -> None:
    (steps,) = call("netsteps.js", "listSteps", [layers])
    expected = [{"kind": str(step.kind), "layer": step.layer} for step in list_steps(layers)]
    assert steps == expected


def test_what_is_known_grows_step_by_step() -> None:
    (steps,) = call("netsteps.js", "listSteps", [2])
    seen = call("netsteps.js", "findKnown", *[[steps, at] for at in range(1, len(steps) + 1)])
    assert [k["z"] for k in seen] == [1, 1] + [2] * 12
    assert [k["a"] for k in seen] == [0, 1, 1] + [2] * 11
    assert [k["delta"] for k in seen] == [3] * 5 + [2] + [1] * 8
    assert [k["updated"] for k in seen] == [3] * 11 + [2] + [1] * 2
    assert [k["isNew"] for k in seen] == [False] * 13 + [True]


def test_a_sum_is_made_of_the_edges_that_it_runs_along() -> None:
    network = specs.describe_network(Perceptron())  # 3 – 4 – 3 – 2
    (answer,) = call("netpass.js", "backpropagate", [network])
    given = {"network": network, "pass": answer, "unit": 2, "source": 1}
    forward, reused, paths = call(
        "netsteps.js",
        "listParts",
        [given | {"step": {"kind": "preactivation", "layer": 2}}],
        [given | {"step": {"kind": "hidden_delta", "layer": 1}}],
        [given | {"step": {"kind": "hidden_delta", "layer": 1}, "alongPaths": True}],
    )
    assert [part["edges"] for part in forward] == [[[2, 2, j]] for j in (1, 2, 3, 4)]
    assert [part["edges"] for part in reused] == [[[2, i, 2]] for i in (1, 2, 3)]
    expected = [[[2, i, 2], [3, k, i]] for i in (1, 2, 3) for k in (1, 2)]
    assert [part["edges"] for part in paths] == expected
    z = sum(part["product"] for part in forward) + network["parameters"][1][1][1]
    assert z == pytest.approx(answer["z"][1][1], rel=EXACT)
