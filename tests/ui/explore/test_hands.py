"""What a hand on the Flow figure can pull, and what the server answers it, below gf/scale."""

import json
from typing import Any

import numpy as np
import pytest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.decay import fit_decay
from gradflow.ui.explore.flow import FlowView, write_address
from tests.pages.apptest import Toolbar
from tests.ui.ask import ask
from tests.ui.explore.test_route import open_page

DATA = gf.Data(batch_size=32)
TANH = gf.Experiment(network=gf.MLP(depth=8, width=64, activation="tanh"), data=DATA)
NORMED = gf.Experiment(network=gf.MLP(depth=8, width=64, normalization="layer"), data=DATA)
TRANSFORMER = gf.Experiment(network=gf.Transformer(depth=4, width=16), data=DATA)


def read_scale(experiment: gf.Experiment, **view: object) -> dict[str, Any] | None:
    answer = ask(f"/{write_address(experiment, FlowView(**view))}")
    head = json.loads(answer.body.split(b"\n", 1)[0])
    scale: dict[str, Any] | None = head["hands"]["scale"]
    return scale


def test_the_end_says_where_it_is_and_what_it_moves() -> None:
    scale = read_scale(TANH)
    decay = fit_decay(gf.run(TANH))
    assert scale is not None
    assert decay is not None
    assert scale["factor"] == pytest.approx(decay.factor)
    assert (scale["first"], scale["span"]) == (1, 6)
    assert scale["text"] == f"× {decay.factor:.3g} per layer · gain 1"
    stream = read_scale(TRANSFORMER, rows="block", gradient="activation_grad")
    assert stream is not None
    assert "per block · Weight σ 0.02" in stream["text"]


def test_no_end_is_offered_where_nothing_moves_it() -> None:
    assert read_scale(NORMED) is None
    assert read_scale(TANH, gradient="weight_grad") is None
    fixed = gf.MLP(depth=3, width=8, initialization="lecun_normal")
    assert read_scale(gf.Experiment(network=fixed, data=DATA)) is None


def test_the_answer_is_the_setting_that_has_the_factor() -> None:
    address = write_address(TANH, FlowView()).replace("gf/flow", "/gf/scale")
    answer = json.loads(ask(f"{address}&level={np.log10(0.8)}").body)
    assert answer["note"] == ""
    changed = codec.from_fields(codec.to_fields(TANH) | answer["changes"])
    decay = fit_decay(gf.run(changed))
    assert decay is not None
    assert decay.factor == pytest.approx(0.8, rel=0.006)
    level = json.loads(ask(f"{address}&level=0").body)
    for forged in ("", "nan", "inf", "x"):
        assert json.loads(ask(f"{address}&level={forged}").body) == level
    assert json.loads(ask(f"{address}&level=1e300").body)["note"] != ""
    refused = ask(write_address(NORMED, FlowView()).replace("gf/flow", "/gf/scale"))
    assert (refused.status, refused.body.decode()[:10]) == (422, "No setting")


def test_the_page_takes_a_number_with_the_choice_that_it_belongs_to() -> None:
    app = Toolbar(open_page(TANH)).set(gain="custom", gain_value=1.3)
    toolbar = Toolbar(app)
    assert (toolbar.read("gain"), toolbar.read("gain_value")) == ("custom", 1.3)
