"""The film of a training: every figure shows the step that the scrubber names."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from gradflow.charts.training.film import FilmLane, fit_axes, shape_frame
from gradflow.charts.training.lanes import make_film_lane
from gradflow.core.numbers import format_number
from gradflow.core.training import Run, cost
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.assets import find_address
from gradflow.ui.training.compute import EXAMPLE
from tests.browser.tools import find_button, keep_own_errors, wait_until

PLAYER = "[...document.querySelectorAll('.gf-player')].at(-1)?.parentElement.player"
READY = f"async () => {{ const player = {PLAYER}; return player?.isReady && player.moments; }}"
RESTS = f"""async () => {{
    const {{ flow, screen, at, isPlaying }} = {PLAYER};
    return !isPlaying && flow.drawn?.step === at && !flow.drawing && !screen.canvas;
}}"""
WATCH = f"""async (count) => {{
    const player = {PLAYER};
    const seen = [];
    while (seen.length < count) {{
        await new Promise(requestAnimationFrame);
        const moments = [...player.moments].map(([letter, {{ from, to, share }}]) =>
            [letter, from.step, to?.step ?? from.step, share]);
        const cursors = [...player.cursors.values()].flatMap(({{ steps }}) => steps);
        const named = player.steps[Number(player.range.value)];
        seen.push({{ at: player.at, named, moments, cursors, words: player.words.textContent }});
    }}
    return seen;
}}"""
SHOWN = f"""async () => {{
    const {{ graphs }} = await import("/{find_address("figure.js")}");
    const places = await import("/{find_address("places.js")}");
    const flow = graphs.get("training_flow").plot;
    const heats = flow.data.filter(({{ type }}) => type === "heatmap");
    const lines = flow.data.filter(({{ meta }}) => meta?.spoken);
    const pixels = ["training_learning", "training_layers"].flatMap((name) => {{
        const {{ plot, box }} = graphs.get(name);
        const left = plot.getBoundingClientRect().left;
        const axes = Object.keys(plot._fullLayout).filter((axis) => /^xaxis/.test(axis));
        return [...box.querySelectorAll(".gf-cursor div")].map((line, i) => {{
            const axis = plot._fullLayout[axes[i]];
            return axis.p2d(line.getBoundingClientRect().left - left - axis._offset);
        }});
    }});
    return {{
        z: heats.map(({{ z }}) => places.listItems(z).map((row) => Array.from(row))),
        levels: lines.map(({{ y }}) => places.listItems(y)),
        pixels,
        words: {PLAYER}.words.textContent,
    }};
}}"""


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    """What the page opens with."""
    return [
        Run.collect(run.experiment, run.plan, frames=cost.choose_frames(run.experiment))
        for run in TRAINING_PRESETS[EXAMPLE].runs
    ]


def check_figures(page: Page, films: list[FilmLane], runs: list[Run], index: int) -> None:
    """What rests on the page is the recorded step, in all figures and in words."""
    wait_until(page, RESTS)
    shown: dict[str, Any] = page.evaluate(SHOWN)
    step = films[0].steps[index]
    assert shown["pixels"] == pytest.approx([step] * 3, abs=0.8)  # two maps, one curve
    losses = [format_number(next(r.loss for r in run.records if r.step == step)) for run in runs]
    assert shown["words"] == f"step {step:.0f} of 150: loss A {losses[0]} · B {losses[1]}"
    axes = fit_axes(films)
    for i, film in enumerate(films):
        flow = shape_frame(film, index, axes)
        for band, own in zip((flow.forward, flow.backward), shown["z"][2 * i :], strict=False):
            assert np.abs(np.array(own) - band.shade).max() <= 1
        assert shown["levels"][i] == pytest.approx(flow.rms, abs=1e-5)


def test_the_page_opens_on_a_film_that_shows_what_its_scrubber_names(
    page: Page, app_url: str, runs: list[Run], page_errors: list[str]
) -> None:
    films = [
        make_film_lane(letter, "", run, "delta") for letter, run in zip("AB", runs, strict=True)
    ]
    page.goto(f"{app_url}/training")
    wait_until(page, READY)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    seen = page.evaluate(WATCH, 60)
    assert not [url for url in asked if "/gf/film" in url]
    places = [moment["at"] for moment in seen]
    assert places == sorted(places)
    assert places[-1] > places[0]
    gap = np.diff(films[0].steps).max()
    for moment in seen:
        assert abs(moment["named"] - moment["at"]) <= gap / 2
        assert moment["cursors"] == pytest.approx([moment["at"]] * 3)
        assert moment["words"].startswith(f"step {moment['named']} of 150: loss A ")
        for _letter, start, end, share in moment["moments"]:
            assert start + share * (end - start) == pytest.approx(moment["at"])
    find_button(page, "Hold the film").click()
    index = page.evaluate(f"() => Number({PLAYER}.range.value)")
    check_figures(page, films, runs, index)
    slider = page.get_by_role("slider", name="Step shown")
    slider.press("End")
    check_figures(page, films, runs, len(films[0].steps) - 1)
    slider.press("ArrowLeft")
    check_figures(page, films, runs, len(films[0].steps) - 2)
    find_button(page, "One recorded step back").click()
    check_figures(page, films, runs, len(films[0].steps) - 3)
    page.locator(".st-key-training_flow_gradient").get_by_text("∂L/∂W").click()
    weights = [
        make_film_lane(letter, "", run, "weight_grad")
        for letter, run in zip("AB", runs, strict=True)
    ]
    wait_until(page, f"async () => {PLAYER}.flow.base?.layout.meta.film.gradient === 'weight_grad'")
    wait_until(page, READY)
    check_figures(page, weights, runs, len(films[0].steps) - 3)
    assert keep_own_errors(page_errors) == []


def test_without_motion_a_film_rests_and_steps(page: Page, app_url: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{app_url}/training")
    wait_until(page, READY)
    wait_until(page, RESTS)
    expect(page.get_by_text("step 150 of 150: loss A")).to_be_visible()
    page.get_by_role("slider", name="Step shown").press("Home")
    expect(page.get_by_text("step 1 of 150: loss A")).to_be_visible()
    wait_until(page, RESTS)
    page.get_by_label("Speed of the film").select_option("4")
    page.get_by_role("slider", name="Step shown").press(" ")
    seen = page.evaluate(WATCH, 40)
    for moment in seen:  # no picture between two recorded steps
        assert all(start == end for _letter, start, end, _share in moment["moments"])
        assert moment["cursors"] == [moment["named"]] * 3


def test_figures_share_the_room_again_when_one_takes_anothers_place(
    page: Page, app_url: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{app_url}/training")
    wait_until(page, READY)
    page.locator(".st-key-training_quantity").get_by_role("combobox").click()
    page.get_by_role("option", name="Histograms of a").click()
    history = page.locator(".st-key-figure_training_history .gf-plot")
    expect(history.locator(".main-svg").first).to_be_visible()
    page.wait_for_function(
        "() => document.querySelector('.st-key-figure_training_history .gf-plot')"
        ".getBoundingClientRect().bottom <= 720"
    )
