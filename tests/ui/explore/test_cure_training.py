"""What training a cure comes to, as a browser gets it below gf/cure."""

import json

import pytest

import gradflow as gf
from gradflow.core.remedies import train_cure, try_all
from gradflow.core.remedies.training import MAX_TFLOP
from gradflow.ui.explore.cure_training import describe_training, write_training
from gradflow.ui.explore.flow import FlowView, read_address

SICK = gf.Experiment(
    network=gf.MLP(depth=8, width=16, activation="sigmoid"), data=gf.Data(batch_size=32)
)


def test_a_browser_gets_what_core_computes() -> None:
    content = json.loads(write_training(SICK, FlowView(), "selu", 1))
    ranking = try_all(SICK, gf.run(SICK), gf.run)
    result = train_cure(next(outcome for outcome in ranking if outcome.code == "selu"))
    assert content["text"] == str(result.text)
    assert content["rank"] == pytest.approx(result.rank)
    assert content["word"] == "Trains"


@pytest.mark.parametrize("code", ["", "../x", "clipping", "pre_norm"])
def test_a_cure_that_does_not_apply_is_refused(code: str) -> None:
    with pytest.raises(gf.InvalidExperiment, match="code"):
        write_training(SICK, FlowView(), code, 1)


def test_only_so_much_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    ranking = try_all(SICK, gf.run(SICK), gf.run)
    plan = describe_training(SICK, FlowView(), ranking)
    assert plan["codes"] == plan["order"] == [outcome.code for outcome in ranking]
    assert (
        read_address(dict(p.split("=") for p in plan["address"].partition("?")[2].split("&")))[0]
        == SICK
    )
    monkeypatch.setattr("gradflow.ui.explore.cure_training.MAX_TFLOP", MAX_TFLOP * 1e-4)
    few = describe_training(SICK, FlowView(), ranking)["codes"]
    assert few == plan["codes"][: len(few)]
    assert len(few) < len(plan["codes"])
