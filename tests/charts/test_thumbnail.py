"""The small Flow figure against the report's own numbers; its image by another decoder."""

import base64
import io
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from gradflow.charts.flow.data import shape_flow
from gradflow.charts.flow.thumbnail import HEIGHT, WIDTH, thumbnail_svg
from tests.charts.reports import add_nonfinite, make_empty_report, make_report

SVG = "{http://www.w3.org/2000/svg}"


def read_points(picture: str) -> np.ndarray:
    """The corners of the RMS line."""
    line = [p for p in ET.fromstring(picture).iter(f"{SVG}path") if p.get("class")][-1]
    return np.array([list(map(float, p)) for p in re.findall(r"([\d.]+) ([\d.]+)", line.get("d"))])


def read_images(picture: str) -> list[np.ndarray]:
    """Both bands as red, green, blue and opacity."""
    images = ET.fromstring(picture).iter(f"{SVG}image")
    data = [base64.b64decode(image.get("href").split(",")[1]) for image in images]
    return [np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")) for png in data]


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_the_line_has_the_height_of_each_layers_gradient(activation: str) -> None:
    report = make_report(12, 32, activation)
    x, y = read_points(thumbnail_svg(report)).T
    assert_allclose(
        x, (np.arange(len(report.layers)) + 0.5) * WIDTH / len(report.layers), atol=0.01
    )
    level = np.log10(report.layers["delta_rms"].to_numpy())
    slope, offset = np.polyfit(level, y, 1)
    assert slope < 0  # larger gradients stand higher
    assert_allclose(y, offset + slope * level, atol=0.01)
    assert y.min() > 0.4 * HEIGHT
    assert y.max() < HEIGHT


@pytest.mark.parametrize("layers", [6, 7])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_each_row_of_a_layer_with_entries_is_coloured(layers: int, mode: str) -> None:
    report = make_report(layers, 32, "tanh")
    flow = shape_flow(report)
    for image, band in zip(
        read_images(thumbnail_svg(report, mode=mode)), (flow.forward, flow.backward), strict=True
    ):
        assert ((image[..., 3] == 255) == (band.share[::-1] > 0)).all()
        # The fullest row differs most from the page, the emptiest least.
        brightness = image[..., :3].astype(int).sum(axis=-1)
        page = 3 * 255 if mode == "light" else 0
        full = band.share[::-1].argmax(axis=0)
        columns = np.arange(image.shape[1])
        contrast = np.abs(brightness - page)
        drawn = image[..., 3] == 255
        assert (contrast[full, columns] == np.where(drawn, contrast, 0).max(axis=0)).all()


def test_what_is_not_finite_is_crossed_out() -> None:
    report = make_report(6, 32)
    assert "#b00020" not in thumbnail_svg(report)
    assert "#b00020" in thumbnail_svg(add_nonfinite(report))


def test_nothing_to_draw_gives_an_empty_picture() -> None:
    assert list(ET.fromstring(thumbnail_svg(make_empty_report()))) == []


def test_a_deep_network_takes_some_kilobytes() -> None:
    assert len(thumbnail_svg(make_report(200, 16, batch=32))) < 20_000
