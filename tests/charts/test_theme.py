import pytest

from gradflow.charts.theme import PALETTES, escape, list_styles, make_template


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
