"""The exported script prints the numbers of the report."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.catalog import Activation, Connection, Initialization, Readout, Source
from gradflow.core.codec import from_fields, list_field_names
from tests.core.oracles import NORMALIZATIONS

ROW = re.compile(r"^ *(\d+) +(\S+) +(\S+) +(\S+)$", re.MULTILINE)


def make_experiment(**settings: Any) -> gf.Experiment:
    small = {"depth": 5, "width": 16, "batch_size": 12, "device": "cpu", "dtype": "float64"}
    return from_fields(small | settings)


def check(printed: str, exp: gf.Experiment) -> None:
    report = gf.run(exp)
    # Digits printed, and what another order of summation may change in half formats.
    rtol = {"float64": 2e-6, "float32": 1e-5}.get(str(exp.dtype), 1e-3)
    (loss,) = re.findall(r"^loss (\S+)$", printed, re.MULTILINE)
    assert float(loss) == pytest.approx(report.loss, rel=rtol)
    rows = np.array([[float(value) for value in row] for row in ROW.findall(printed)])
    assert rows[:, 0].tolist() == report.layers["layer"].tolist()
    for column, name in ((1, "delta_norm"), (2, "activation_grad_norm"), (3, "weight_grad_norm")):
        assert_allclose(rows[:, column], report.layers[name], rtol=rtol, atol=1e-18, err_msg=name)


CASES: list[dict[str, Any]] = [
    *({"initialization": code, "bias_std": 0.1} for code in Initialization),
    *(
        {"initialization": "kaiming_normal", "fan_mode": "fan_out", "gain": g}
        for g in ("standard", "one", "recommended", "custom")
    ),
    *({"activation": code, "negative_slope": 0.3, "elu_alpha": 2.0} for code in Activation),
    *(
        {"normalization": code, "norm_position": position, "connection": connection, "groups": 4}
        for code in NORMALIZATIONS
        for position in ("before", "after")
        for connection in Connection
    ),
    *(
        {"connection": code, "block_size": 1, "branch_scale": 0.3, "zero_last": True}
        for code in ("residual", "preactivation")
    ),
    {"connection": "residual", "block_size": 3, "depth": 9},
    {"normalization": "batch", "norm_mode": "evaluation"},
    {"normalization": "batch", "initialization": "lsuv", "activation": "rrelu"},
    {"initialization": "lsuv", "connection": "preactivation", "zero_last": True},
    {"source": "gaussian", "dimension": 20, "scale": 3.0, "correlation": 0.5},
    *({"source": code, "noise": 0.2} for code in ("moons", "spirals")),
    *({"widths": (9, 12, 7), "connection": code} for code in Connection),
    *({"depth": n, "connection": code} for n in (1, 2) for code in Connection),
    *({"inputs": "raw", "source": code, "scale": 16.0} for code in ("digits", "moons", "spirals")),
    *({"readout": code, "connection": c} for code in Readout for c in ("plain", "dense")),
    *(
        {"targets": "numbers", "source": code, "loss": loss, "target_scale": 1e8, "offset": -2.0}
        for code, loss in zip(Source, ("mse", "l1") * 3, strict=False)
    ),
    *(
        {"targets": t, "source": code, "loss": loss, "readout": "sigmoid"}
        for t, code in (("binary", "digits"), ("classes", "teacher"), ("binary", "teacher"))
        for loss in ("bce", "bce_with_logits", "l1")
    ),
    *(
        {"dtype": d, "loss": loss}
        for d in ("float64", "float32", "bfloat16", "float16")
        for loss in ("cross_entropy", "mse")
    ),
    {"dtype": "float16", "loss_scale": 1024.0},
    {"seed": 2**31 - 1},
    {"batch_size": 1},
    {"init_std": 1e-5, "initialization": "normal"},
]


def keep_known(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in list_field_names()}


def name_case(settings: dict[str, Any]) -> str:
    return "-".join(str(value) for value in settings.values())


@pytest.mark.parametrize("settings", CASES, ids=name_case)
def test_the_script_prints_the_numbers_of_the_report(settings):
    exp = make_experiment(**keep_known(settings))
    out = io.StringIO()
    with torch.random.fork_rng(), contextlib.redirect_stdout(out):
        exec(compile(gf.to_code(exp), "exported.py", "exec"), {"__name__": "__main__"})
    check(out.getvalue(), exp)


@pytest.mark.parametrize(
    "settings",
    [
        {"dtype": "float32", "device": "auto"},
        {
            "connection": "residual",
            "normalization": "batch",
            "activation": "relu",
            "initialization": "kaiming_normal",
            "loss": "mse",
        },
        {"source": "moons", "initialization": "lsuv", "connection": "dense", "activation": "rrelu"},
    ],
)
def test_the_script_runs_on_its_own(settings, tmp_path):
    exp = make_experiment(**settings)
    path = tmp_path / "exported.py"
    path.write_text(gf.to_code(exp), encoding="utf-8")
    # -I: neither this folder nor PYTHONPATH can lend it gradflow.
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.stderr == ""
    check(done.stdout, exp)


def test_the_script_names_nothing_of_gradflow():
    code = gf.to_code(make_experiment())
    assert "import gradflow" not in code
    assert "from gradflow" not in code
    assert "noqa" not in code
    assert "type: ignore" not in code
    assert gf.run(make_experiment()).title in code
