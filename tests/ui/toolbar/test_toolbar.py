"""What a browser gets of a form, and what it may say."""

from __future__ import annotations

import pytest

from gradflow.ui.settings.experiments import make_experiment_form
from gradflow.ui.settings.form import Form
from gradflow.ui.toolbar import toolbar
from gradflow.ui.toolbar.toolbar import describe_fields


def make_form(key: str, **values: object) -> Form:
    form = make_experiment_form(key)
    form.reset()
    form.replace_values(form.values | values)
    return form


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"change": {"depth": 7, "activation": "relu"}}, {"depth": 7, "activation": "relu"}),
        ({"change": {"zero_last": True}}, {"zero_last": True}),
        ({"change": {"depth": [7], "width": {"a": 1}, "seed": None}}, {}),
        ({"change": [7]}, None),
        ({"change": None}, None),
        ({"other": 7}, None),
        (None, None),
    ],
)
def test_only_plain_values_are_passed_on(
    sent: object, taken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbar, "read_widget", lambda _key: sent)
    passed: list[object] = []
    toolbar._pass_change("key", passed.append)
    assert passed == ([] if taken is None else [taken])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("depth", "number"),
        ("init_std", "number"),
        ("activation", "choice"),
        ("zero_last", "toggle"),
        ("widths", "text"),
    ],
)
def test_kinds_follow_the_fields(name: str, kind: str) -> None:
    form = make_form(f"kind_{name}", initialization="normal", connection="residual")
    (control,) = describe_fields(form, [name], leave_out=form.list_dependents(name))
    assert control["kind"] == kind


def test_dependents_follow_their_choice() -> None:
    form = make_form("dependents", activation="leaky_relu")
    names = [control["name"] for control in describe_fields(form, ["activation", "depth"])]
    assert names == ["activation", "negative_slope", "depth"]
    form.change("activation", "tanh")
    names = [control["name"] for control in describe_fields(form, ["activation", "depth"])]
    assert names == ["activation", "depth"]


def test_options_are_those_of_the_architecture() -> None:
    form = make_form("options")
    (control,) = describe_fields(form, ["normalization"])
    codes = [code for code, _label in control["options"]]
    assert "instance" not in codes
    assert control["value"] in codes


def test_a_choice_that_changes_others_is_not_followed_without_the_page() -> None:
    controls = describe_fields(make_form("live"), ["architecture", "depth"])
    assert [control["live"] for control in controls] == [False, True]
