"""What is made of reports that are computed once, for readers of two languages."""

from types import SimpleNamespace

import pytest

import gradflow as gf
from gradflow.core.text import read_in
from gradflow.ui.compare import tables
from tests.pseudo_locale import PSEUDO, install, list_english_words


def test_a_comparison_speaks_the_language_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    networks = {"A": gf.MLP(depth=4, width=8), "B": gf.MLP(depth=4, width=8, activation="relu")}
    entries = [
        SimpleNamespace(letter=letter, report=gf.run(gf.Experiment(network=network)))
        for letter, network in networks.items()
    ]
    with read_in(PSEUDO):
        pseudo = tables.make_delta_table(entries)
    english = tables.make_delta_table(entries)
    assert english.shape == pseudo.shape
    words = [*pseudo.columns, *pseudo.to_numpy().ravel()]
    assert list_english_words(" ".join(words)) <= {"ms"}
    assert {"Measure", "Loss", "Parameters"} <= list_english_words(
        " ".join([*english.columns, *english.to_numpy().ravel()])
    )
