"""What a browser says of a number."""

from __future__ import annotations

import pytest
from gradflow.ui.numbers import number
from gradflow.ui.numbers.number import is_number

from gradflow.ui.settings.experiments import make_experiment_form


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"value": 7}, 7),
        ({"value": 7.5}, 7.5),
        ({"value": True}, None),
        ({"value": "7"}, None),
        ({"value": [7]}, None),
        ({"value": None}, None),
        ({"other": 7}, None),
        (None, None),
    ],
)
def test_only_numbers_are_taken(
    sent: object, taken: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = make_experiment_form("said")
    form.reset()
    before = form.values["depth"]
    monkeypatch.setattr(number, "read_widget", lambda _key: sent)
    number._take_value(form, "depth", "said_depth")
    assert form.values["depth"] == (before if taken is None else taken)


def test_a_widget_that_was_replaced_says_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    form = make_experiment_form("late")
    form.reset()
    monkeypatch.setattr(number, "read_widget", lambda _key: {"value": 7})
    number._take_value(form, "depth", "late_depth_1")
    assert form.values["depth"] == 20


def test_which_settings_are_numbers() -> None:
    form = make_experiment_form("kinds")
    form.reset()
    numbers = {name for name in form.values if is_number(form, name)}
    assert {"depth", "width", "batch_size", "seed", "learning_rate", "bias_std"} <= numbers
    assert not numbers & {"activation", "widths", "architecture", "negative_slope"}
