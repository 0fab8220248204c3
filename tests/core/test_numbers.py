"""Numbers for people."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradflow as gf
from gradflow.core.diagnosis import findings
from gradflow.core.numbers import format_count, format_number, format_share
from tests.pages.visible import list_mixed_up_numbers
from tests.reading import read_numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.5, "0.5"),
        (-2.25, "−2.25"),
        (0.01234, "0.0123"),
        (1234.5, "1,230"),
        (1234, "1,234"),
        (99999.0, "99,999"),
        (99999.5, "100,000"),
        (999999.5, "10⁶"),
        (0.0009999, "0.001"),
        (5.2e-7, "5.2·10⁻⁷"),
        (-3e20, "−3·10²⁰"),
        (9.999e-5, "10⁻⁴"),
        (1e-320, "10⁻³²⁰"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_are_short_and_readable(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "100"),
        (1e-9, "<0.01"),
        (1 - 1e-9, ">99.99"),
        (0.005, "0.5"),
        (0.454, "45.4"),
    ],
)
def test_shares_never_round_to_none_or_all(value, text):
    assert format_share(value) == f"{text}%"


def test_counts_are_grouped():
    assert format_count(1234567) == "1,234,567"


@given(st.floats(-1e308, 1e308))
def test_three_digits_are_kept(value):
    text = format_number(value)
    (read,) = read_numbers(text)
    assert read == pytest.approx(value, rel=0.0051, abs=1e-320)
    assert "e" not in text


def test_no_sentence_about_a_network_has_numbers_of_another_form():
    networks = [
        gf.MLP(depth=40, width=16, activation="sigmoid"),
        gf.MLP(depth=20, width=16, activation="relu", initialization="normal", init_std=2),
        gf.MLP(depth=12, width=16, activation="tanh", initialization="normal", init_std=1e-6),
        gf.MLP(depth=12, width=16, activation="tanh", init_std=4, initialization="normal"),
    ]
    for network, dtype in product(networks, ("float16", "float32")):
        report = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=32), dtype=dtype))
        for finding in findings(report):
            for text in (finding.text, finding.headline, finding.cause):
                assert list_mixed_up_numbers(text) == [], text


@pytest.mark.parametrize("text", ["1.6e-14", "1E5", "loss -3", "10^-14", "45 %", "5 * 10", "3 µs"])
def test_numbers_of_another_form_are_seen(text):
    assert list_mixed_up_numbers(text)


@pytest.mark.parametrize("text", ["1.6·10⁻¹⁴", "−3", "45%", "750-700-650", "$e^{-3}$", "`1e-3`"])
def test_numbers_of_the_one_form_pass(text):
    assert list_mixed_up_numbers(text) == []
