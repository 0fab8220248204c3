"""Texts: rendered when they are read, so that what is computed once speaks every language."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

import gradflow as gf
from gradflow.core.presets import PRESETS
from gradflow.core.remedies import REMEDIES, Ranking, Situation, try_all
from gradflow.core.text import (
    EMPTY,
    LANGUAGE,
    Text,
    _,
    find_language,
    join_texts,
    load_catalogue,
    read_in,
)
from gradflow.core.verdict import Finding, Severity
from tests.pseudo_locale import PSEUDO, install, list_english_words, translate

CODES = {"float"}
"""English letters in findings that are names of number formats, not words: float16."""


@pytest.fixture(autouse=True)
def pseudo_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


NESTED = Text("{what} in {where}", what=Text("a gradient"), where=Text("layer {n}", n=3))


def test_a_text_is_rendered_in_the_language_of_the_reader() -> None:
    assert str(NESTED) == f"{NESTED}" == "a gradient in layer 3"
    assert f"{Text('half'):>6}" == "  half"
    with read_in(PSEUDO):
        gradient, layer = translate("a gradient"), translate("layer {n}").format(n=3)
        assert str(NESTED) == f"{NESTED}" == f"⟦{gradient} ｉｎ {layer}⟧"
    assert str(NESTED) == "a gradient in layer 3"


def test_a_language_without_a_catalogue_is_read_in_english() -> None:
    with read_in("xx"):
        assert str(NESTED) == "a gradient in layer 3"
    assert load_catalogue("en").gettext("layer {n}") == "layer {n}"


def test_values_are_not_templates_and_a_template_without_values_is_literal() -> None:
    assert str(Text("{name}", name="{0} {n}")) == "{0} {n}"
    assert str(Text("{0} {n}")) == "{0} {n}"
    assert str(Text("{template}", template="a name like any other")) == "a name like any other"


def test_nothing_to_say_is_false() -> None:
    assert not EMPTY
    assert not Text("")
    assert str(EMPTY) == _("") == ""
    assert Text("0")
    with read_in(PSEUDO):
        assert str(EMPTY) == _("") == ""


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda text: pickle.loads(pickle.dumps(text))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_of_texts_are_equal_and_still_texts(copied: Callable[[Text], Text]) -> None:
    with read_in(PSEUDO):
        copy_of_it = copied(NESTED)
    assert copy_of_it == NESTED
    assert hash(copy_of_it) == hash(NESTED)
    assert str(copy_of_it) == "a gradient in layer 3"


def test_equality() -> None:
    assert Text("{n}", n=1) == Text("{n}", n=1)
    assert len({Text("{n}", n=1), Text("{n}", n=1), Text("{n}", n=2), Text("{m}", m=1)}) == 3
    assert Text("a") != "a"
    assert eval(repr(NESTED)) == NESTED


def test_joining_leaves_out_what_is_empty() -> None:
    assert str(join_texts(Text("a {b}", b="{c}"), "", "{d}", EMPTY)) == "a {c} {d}"
    assert str(join_texts("a", "b", separator="\n")) == "a\nb"
    assert not join_texts("", EMPTY)
    with read_in(PSEUDO):
        assert "ａ" in str(join_texts(Text("a"), Text("b")))


@cache
def run_preset(name: str) -> gf.Report:
    return gf.run(PRESETS[name].experiment)


@pytest.mark.parametrize(
    "name",
    [
        "tanh_xavier",
        "tanh_large",
        "deep_sigmoid",
        "deep_relu_he",
        "deep_relu_batchnorm",
        "residual_sigmoid",
        "constant",
        "transformer_bare",
        "float16_overflow",
        "float16_underflow",
    ],
)
def test_findings_computed_once_speak_two_languages(name: str) -> None:
    report = run_preset(name)
    with read_in(PSEUDO):
        findings = pickle.loads(pickle.dumps(gf.findings(report)))
        for finding in findings:
            assert finding.text.startswith("⟦")
            assert not list_english_words(f"{finding.text} {finding.cause}") - CODES
    assert findings == gf.findings(report)
    for finding in findings:
        assert "⟦" not in finding.text + finding.cause
        assert list_english_words(finding.text) - CODES


def test_two_sessions_read_one_finding_at_the_same_time() -> None:
    (finding, *_others) = gf.findings(run_preset("tanh_xavier"))

    def read(language: str) -> list[str]:
        LANGUAGE.set(language)  # in this thread's own context
        return [finding.text for _i in range(200)]

    with ThreadPoolExecutor(2) as threads:
        english, pseudo = threads.map(read, ["en", PSEUDO])
    assert set(english) == {finding.text}
    assert all(text.startswith("⟦") and text.lstrip("⟦").startswith("Ｔｈｅ") for text in pseudo)


@cache
def try_cures() -> Ranking:
    """Cures of a sigmoid network, read by nobody yet; two of them cannot be run."""
    network = gf.MLP(depth=10, width=16, activation="sigmoid", initialization="lecun_normal")
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))

    def run(changed: gf.Experiment) -> gf.Report:
        if changed.network.normalization == "layer":
            raise gf.ProbeError(Text("no {code} norm today", code=Text("layer")))
        if changed.network.connection == "dense":
            raise gf.InvalidExperiment.for_value("width", 16, Text("another one"))
        return gf.run(changed)

    return try_all(experiment, gf.run(experiment), run)


def test_cures_tried_once_speak_two_languages() -> None:
    with read_in(PSEUDO):
        ranking = copy.deepcopy(try_cures())
        for outcome in ranking:
            assert not list_english_words(outcome.remark) - {"lr", "exp", "LSUV"}
        reasons = ranking.left_out
        assert not list_english_words(reasons["layer_norm"])
        assert list_english_words(reasons["dense"]) == {"width"}
    assert {outcome.code: outcome.remark for outcome in ranking} == {
        outcome.code: outcome.remark for outcome in try_cures()
    }
    assert "⟦" not in "".join(outcome.remark for outcome in ranking)
    assert ranking.left_out == {
        "layer_norm": "no layer norm today",
        "dense": "width: 16 is not allowed; choose another one",
    }


@pytest.mark.parametrize("code", REMEDIES)
def test_every_sentence_of_a_cure_can_be_translated(code: str) -> None:
    """All comments and reasons, in situations where the cure has something to say."""
    remedy = REMEDIES[code]
    exploding = gf.MLP(depth=10, width=16, initialization="normal", init_std=1.0)
    normalized = gf.MLP(depth=10, width=16, activation="sigmoid", normalization="batch")
    for network in (exploding, normalized):
        experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))
        report = gf.run(experiment)
        situation = Situation.of(experiment, report)
        texts = (remedy.comment(situation, report), remedy.reason(situation))
        with read_in(PSEUDO):
            assert not list_english_words(" ".join(map(str, texts))) - {"lr"}


def test_an_error_is_read_in_the_language_of_who_catches_it() -> None:
    errors = [
        gf.InvalidExperiment.for_value("depth", 0, Text("a whole number from 1 on")),
        gf.ProbeError(Text("the model has no layer {n}", n=3)),
    ]
    assert [str(error) for error in errors] == [
        "depth: 0 is not allowed; choose a whole number from 1 on",
        "the model has no layer 3",
    ]
    with read_in(PSEUDO):
        assert [list_english_words(str(error)) for error in errors] == [{"depth"}, set()]


def test_a_finding_can_be_built_by_hand() -> None:
    finding = Finding(Severity.NOTE, None, Text("layer {n}", n=1))
    assert (finding.text, finding.cause) == ("layer 1", "")


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        (PSEUDO, PSEUDO),
        (f"{PSEUDO}-PLOC", PSEUDO),
        ("en-GB", "en"),
        ("xx-XX", "en"),
        ("../../etc", "en"),
        ("", "en"),
    ],
)
def test_a_browser_gets_its_language_if_there_is_a_catalogue(locale: str, language: str) -> None:
    assert find_language(locale) == language
