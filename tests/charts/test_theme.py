import math

import pytest

from gradflow.charts.theme import (
    PALETTES,
    escape,
    format_count,
    format_number,
    format_share,
    list_styles,
    make_template,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.5, "0.5"),
        (-2.25, "−2.25"),
        (0.01234, "0.0123"),
        (1234.5, "1234"),
        (99999.0, "99999"),
        (5.2e-7, "5.2·10⁻⁷"),
        (-3e20, "−3·10²⁰"),
        (9.999e-5, "1·10⁻⁴"),
        (1e-320, "1·10⁻³²⁰"),
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
    assert format_share(value).replace("\N{NARROW NO-BREAK SPACE}", "") == f"{text}%"


def test_counts_are_grouped():
    assert format_count(1234567) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567"


def test_text_from_outside_is_escaped():
    assert escape("<b>&") == "&lt;b&gt;&amp;"


def _lightness(colour):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_heatmaps_survive_greyscale(mode):
    palette = PALETTES[mode]
    for scale in (palette.forward_scale, palette.backward_scale):
        assert [at for at, _ in scale] == sorted(at for at, _ in scale)
        assert (scale[0][0], scale[-1][0]) == (0, 1)
        assert scale[0][1].endswith(",0)")  # an empty cell shows the page
        tones = [_lightness(colour) for _at, colour in scale[1:]]
        assert tones == sorted(tones, reverse=mode == "light")
        assert abs(tones[0] - tones[-1]) > 120


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_series_differ_by_more_than_colour(mode):
    looks = list_styles(mode)
    assert len(looks) >= 4
    assert len({s.dash for s in looks}) == len({s.symbol for s in looks}) == len(looks)


def _measure_contrast(colour, other):
    def measure_luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((measure_luminance(colour), measure_luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_series_stand_out_from_the_page(mode):
    palette = PALETTES[mode]
    for text in (palette.ink, palette.muted, palette.forward, palette.backward, palette.alarm):
        assert _measure_contrast(text, palette.page) >= 4.5
    for line in palette.series:
        assert _measure_contrast(line, palette.page) >= 3


def test_fonts_are_readable_from_the_last_row():
    axis = make_template("light")["layout"]["xaxis"]
    assert axis["tickfont"]["size"] >= 14
    assert axis["title"]["font"]["size"] >= 16
