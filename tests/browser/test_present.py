"""A presentation: the picture alone and large, steps by keys and by touch, a code for phones."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from gradflow.core import codec
from gradflow.core.presets import PRESET_GROUPS, PRESETS
from gradflow.core.verdict import Verdict
from gradflow.ui.assets import find_address
from tests.browser.access import list_barriers
from tests.browser.tools import PATIENCE, read_query, wait_for_chart, wait_for_server, wait_until
from tests.codes import read_code

CODES = [code for codes in PRESET_GROUPS.values() for code in codes]
PROJECTOR = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 844}
CHROME = (
    "[data-testid=stHeader]",
    ".gf-toolbar",
    ".gf-welcome",
    ".gf-chips",
    ".gf-grip",
    ".st-key-stage_controls",
    ".st-key-stage_details",
    ".st-key-stage_head",
    ".st-key-stage_next",
    ".st-key-follows",
    ".stMain button:not(.gf-present button, .gf-code button)",
)
"""What is not the picture."""
FLOW = f"""async () => {{
    const {{ graphs }} = await import("/{find_address("figure.js")}");
    return graphs.get("flow").head;
}}"""
FILLS = """() => {
    const { bottom } = document.querySelector(".gf-plot").getBoundingClientRect();
    return bottom <= 720 && bottom > 690;
}"""
CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const paint = (colour) => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); };
    const weigh = () => {
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const listBackgrounds = (element) => {
        const found = [];
        for (let e = element; e; e = e.parentElement) {
            found.unshift(getComputedStyle(e).backgroundColor);
        }
        return found;
    };
    const isSeen = (element) => element.checkVisibility({ opacityProperty: true });
    const texts = [...document.querySelectorAll(".stMain *")].filter((element) =>
        [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) &&
        isSeen(element) && !element.closest(".katex-mathml, .gf-spoken, style, dialog"));
    return texts.map((element) => {
        const style = getComputedStyle(element);
        ["#fff", ...listBackgrounds(element)].forEach(paint);
        const ground = weigh();
        paint(element.closest("svg") ? style.fill : style.color);
        const [light, dark] = [weigh(), ground].sort((a, b) => b - a);
        return [element.textContent.trim().slice(0, 40), (light + 0.05) / (dark + 0.05)];
    });
}"""
"""Text and contrast of everything that is read on the page, as WCAG 2 defines it."""


def open_page(page: Page, url: str, size: dict[str, int]) -> None:
    page.set_viewport_size(size)
    page.goto(url)
    page.wait_for_selector(".stMain .gf-plot .main-svg")
    wait_for_server(page)


def find_title(page: Page):  # type: ignore[no-untyped-def]
    return page.locator(".gf-present-title")


def read_flow(page: Page) -> dict[str, Any]:
    head: dict[str, Any] = page.evaluate(FLOW)
    return head


def wait_for_step(page: Page, number: int) -> None:
    """Wait until bar, figure and address all are at a step."""
    preset = PRESETS[CODES[number - 1]]
    expect(find_title(page)).to_have_text(f"{number}/{len(CODES)} {preset.label}")
    setting = json.dumps(codec.to_query(preset.experiment))
    wait_until(
        page,
        f"""async () => {{
            const shown = new URLSearchParams((await ({FLOW})()).setting);
            return Object.entries({setting}).every(([name, text]) => shown.get(name) === text);
        }}""",
    )
    expected = {**codec.to_query(preset.experiment), "present": "1"}
    wait_until(page, f"async () => location.search.includes('depth={expected.get('depth', '')}')")
    assert read_query(page) == expected


def check_code(page: Page, code: str) -> None:
    """Check that the code in the corner leads a phone to a preset, and says so."""
    small = page.locator(".gf-code-small")
    link = str(small.get_attribute("aria-label")).partition(": ")[2]
    wait_until(page, "async () => document.querySelector('.gf-code-small svg')")
    address = urlsplit(link)
    assert f"{address.scheme}://{address.netloc}" == page.evaluate("location.origin")
    assert codec.from_query(dict(parse_qsl(address.query))) == PRESETS[code].experiment
    page.wait_for_function(
        "([link]) => document.querySelector('.gf-code a').href === link", arg=[link]
    )
    assert read_code(str(small.inner_html())) == link


def test_the_picture_alone_goes_through_presets(page: Page, app_url: str) -> None:
    open_page(page, app_url, PROJECTOR)
    page.get_by_role("button", name="Present").click()
    wait_for_step(page, 1)
    for selector in CHROME:
        for element in page.locator(selector).all():
            expect(element).to_be_hidden()
    # Figure and verdict fill the screen; type is larger than on the page.
    page.wait_for_function(FILLS)
    size = "(e) => parseFloat(getComputedStyle(e).fontSize)"
    assert page.locator(".gf-verdict").evaluate(size) >= 22
    tick = page.locator(".gf-plot .xtick text").first
    assert tick.evaluate("(e) => e.getBoundingClientRect().height") >= 20
    check_code(page, CODES[0])
    for key, number in [("ArrowRight", 2), ("PageDown", 3), ("ArrowRight", 4), ("PageUp", 3)]:
        page.keyboard.press(key)
        wait_for_step(page, number)
        page.wait_for_function(FILLS)  # with a strip of zeros and notes, too
    check_code(page, CODES[2])
    wait_for_server(page)
    page.keyboard.press(" ")
    page.wait_for_selector(".gf-pulse")
    page.reload()
    wait_for_chart(page, "flow")
    wait_for_step(page, 3)
    # The large code, and what else a phone needs.
    page.keyboard.press("q")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Phones cannot reach 127.0.0.1")
    box = dialog.get_by_role("img").bounding_box()
    assert box is not None
    assert box["height"] > 0.6 * PROJECTOR["height"]
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(find_title(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stHeader")).to_be_visible()
    expect(page.locator(".gf-toolbar")).to_be_visible()
    assert read_query(page) == codec.to_query(PRESETS[CODES[2]].experiment)
    assert page.evaluate("document.activeElement.textContent") == "Present"
    page.wait_for_function(
        "() => document.querySelector('.gf-figure').getBoundingClientRect().width"
        " === document.querySelector('.gf-figure').clientWidth"
    )


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_texts_stand_out(page: Page, app_url: str, mode: str) -> None:
    page.emulate_media(color_scheme=mode)  # type: ignore[arg-type]
    for address in ("diagnoses?present=1", "compare?present=1", "backprop?present=1"):
        open_page(page, f"{app_url}/{address}", PROJECTOR)
        expect(find_title(page)).to_be_visible()
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 15
        assert [(text, ratio) for text, ratio in contrasts if ratio < 7] == []
    assert list_barriers(page) == []


def test_a_thumb_steps_and_leaves(chromium: Browser, app_url: str) -> None:
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    open_page(page, f"{app_url}/diagnoses?about=healthy&present=1", PHONE)
    expect(find_title(page)).to_have_text(f"1/{len(Verdict)} Healthy")
    for button in page.locator(".gf-present-actions button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]
    figure = page.locator(".gf-plot").bounding_box()
    bar = page.locator(".gf-present-actions").bounding_box()
    assert figure is not None
    assert bar is not None
    assert bar["y"] - 40 < figure["y"] + figure["height"] <= bar["y"]
    page.get_by_role("button", name="Next").tap()
    expect(find_title(page)).to_have_text(f"2/{len(Verdict)} Vanishing")
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing")
    assert read_query(page) == {"about": "vanishing", "present": "1"}
    page.get_by_role("button", name="Leave").tap()
    expect(page.get_by_test_id("stHeader")).to_be_visible()
    opener = page.get_by_role("button", name="Present").bounding_box()
    assert opener is not None
    assert opener["width"] < 50  # an icon
    context.close()
