"""What moves over the Flow figure: a change that grows, and the pulse of a pass."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

import gradflow as gf
from gradflow.ui.assets import find_address
from tests.browser.tools import (
    find_button,
    wait_for_chart,
    wait_for_server,
    wait_until,
)

DEPTH = 9
FIGURE = f"""const {{ graphs }} = await import("/{find_address("figure.js")}");
const flow = graphs.get("flow");"""
WATCH = """const seen = [];
flow.pulse.play();
while (flow.pulse.isPlaying) {
    await new Promise(requestAnimationFrame);
    if (flow.pulse.at) seen.push([flow.pulse.at.phase, flow.pulse.at.front ?? null]);
}
return seen;"""
SOURCES = """return [...flow.plot.querySelectorAll(".heatmaplayer image")]
    .map((image) => image.getAttributeNS("http://www.w3.org/1999/xlink", "href"));"""
GROWN = f"async () => {{ {FIGURE} return !flow.drawing && !flow.growth.bands; }}"


def run_script(page: Page, script: str) -> Any:
    return page.evaluate(f"async () => {{ {FIGURE} {script} }}")


def open_explore(page: Page, url: str, depth: int = DEPTH) -> None:
    page.goto(f"{url}/?depth={depth}&width=32&batch_size=32&activation=tanh")
    wait_for_chart(page, "flow")
    wait_for_server(page)


def plan(page: Page) -> dict[str, Any]:
    pulse = f'(await import("/{find_address("pulse.js")}"))'
    planned: dict[str, Any] = run_script(page, f"return {pulse}.planPulse(flow.plot);")
    return planned


def test_a_pulse_is_as_high_as_the_gradient_of_the_report(page: Page, app_url: str) -> None:
    open_explore(page, app_url)
    network = gf.MLP(depth=DEPTH, width=32, activation="tanh")
    report = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=32)))
    rms = report.layers["delta_rms"].to_numpy()
    columns = plan(page)["columns"]
    assert [column["layer"] for column in columns] == list(range(1, DEPTH + 1))
    levels = np.array([column["value"] for column in columns])
    assert 10**levels == pytest.approx(rms, rel=1e-5)
    # Higher on the screen by the same number of pixels per decade, whatever the column.
    heights = -np.array([column["gradient"] for column in columns])
    slope, offset = np.polyfit(levels, heights, 1)
    assert slope > 0
    assert heights == pytest.approx(slope * levels + offset, abs=0.5)


def test_a_pulse_goes_forward_meets_the_loss_and_comes_back(page: Page, app_url: str) -> None:
    open_explore(page, app_url)
    seen = run_script(page, WATCH)
    phases = [phase for phase, _front in seen]
    assert list(dict.fromkeys(phases)) == ["forward", "loss", "back"]
    assert phases == sorted(phases, key=["forward", "loss", "back"].index)
    for phase in ("forward", "back"):
        fronts = [front for name, front in seen if name == phase]
        assert fronts == sorted(fronts)
        assert fronts[-1] > DEPTH - 3
    assert page.locator(".gf-pulse").count() == 0
    find_button(page, "Play").press("Enter")
    page.wait_for_selector(".gf-pulse")


def test_without_motion_the_whole_pass_stands_at_once(page: Page, app_url: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_explore(page, app_url)
    assert run_script(page, "flow.pulse.play(); return flow.pulse.at ?? null;") is None
    assert page.locator(".gf-pulse").count() == 1
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    wait_until(page, f"async () => {{ {FIGURE} return flow.growth.shown[0].length > 9; }}")
    assert run_script(page, "return flow.growth.bands ?? null;") is None
    assert page.locator(".gf-pulse").count() == 0  # it was of another network


def test_a_change_grows_and_ends_as_the_figure_itself(page: Page, app_url: str) -> None:
    open_explore(page, app_url)
    run_script(
        page,
        """window.grown = 0;
        const { start } = flow.growth;
        flow.growth.start = function () { start.call(this); window.grown += Boolean(this.bands); };
        """,
    )
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    page.wait_for_function("() => window.grown > 0")
    page.wait_for_function("() => location.search.includes('depth=10')")
    wait_until(page, GROWN)
    grown = run_script(page, SOURCES)
    open_explore(page, app_url, DEPTH + 1)
    assert grown == run_script(page, SOURCES)


@pytest.mark.parametrize("seed", range(3))
def test_a_column_is_cut_at_its_quantiles(page: Page, app_url: str, seed: int) -> None:
    """NumPy's linear interpolation of the cumulated weights is the oracle."""
    generator = np.random.default_rng(seed)
    weights = generator.integers(0, 256, 40) * (generator.random(40) < 0.6)
    low, step = -3.0, 0.25
    page.goto(f"{app_url}/_stcore/health")
    ends, spread = page.evaluate(
        """async ([address, weights, low, step]) => {
            const { cutColumn, weighRows } = await import(address);
            const ends = cutColumn(weights.map((weight) => [weight]), 0, low, step);
            return [[...ends], [...weighRows(ends, low, step, weights.length)]];
        }""",
        [f"/{find_address('growth.js')}", weights.tolist(), low, step],
    )
    filled = np.concatenate([[0], np.cumsum(weights)])
    reached = np.interp(ends, low + step * np.arange(41), filled / filled[-1])
    assert reached == pytest.approx(np.linspace(0, 1, len(ends)), abs=1e-9)
    # Spread over the rows again, they weigh what they did, as far as parts of 1/48 can tell.
    assert np.sum(spread) > 0
    shares = np.cumsum(spread) / np.sum(spread)
    assert shares == pytest.approx(filled[1:] / filled[-1], abs=1.5 / (len(ends) - 1))
