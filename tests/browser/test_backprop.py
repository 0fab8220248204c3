"""Backpropagation in a real browser: pulling numbers, stepping, adding up paths, updating."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gradflow.core.teaching.chain import Chain, run_chain
from gradflow.core.teaching.perceptron import Perceptron, run_perceptron
from tests.browser.tools import (
    keep_own_errors,
    open_from_menu,
    read_query,
    wait_for_chart,
    wait_for_server,
)

SPAN = "[...document.querySelectorAll('.gf-board text')].map((text) => text.textContent)"
PHONE = {"width": 390, "height": 844}


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    wait_for_chart(page, "backprop_chain" if "network" not in url else "backprop_network")
    wait_for_server(page)


def find_number(page: Page, name: str) -> Locator:
    return page.locator(".gf-board").get_by_role("slider", name=f"Value of {name}", exact=True)


def read_number(text: str) -> float:
    """Read a number as this app writes it."""
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    mantissa, _dot, power = text.replace("−", "-").replace(",", "").partition("·10")
    return float(mantissa) * 10.0 ** int(power.translate(digits) or 0)


def read_ratio(page: Page) -> float:
    """Read how much of the gradient is left at layer 1."""
    found = re.search(r"(\S+) (?:times|of it)", page.locator(".gf-board .gf-verdict").inner_text())
    assert found
    return read_number(found[1])


def list_deltas(page: Page) -> list[str]:
    return [text for text in page.evaluate(SPAN) if text.startswith("δ")]


def find_ratio(**settings: object) -> float:
    run = run_chain(Chain(**settings))
    return abs(run.g[0] / run.error)


def test_a_pulled_weight_is_followed_within_a_frame_and_the_page_later(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, f"{app_url}/backprop?length=3&activation=tanh&weights=1.0")
    assert read_ratio(page) == pytest.approx(find_ratio(length=3, activation="tanh"), rel=5e-3)
    before = page.url
    box = find_number(page, "w3").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    pulled = {"length": 3, "activation": "tanh", "weights": (1.0, 1.0, 1.5)}
    assert read_ratio(page) == pytest.approx(find_ratio(**pulled), rel=5e-3)
    assert page.url == before
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('weights=1.0_1.0_1.5')")
    # What the page says follows, and the number in the figure stays.
    expect(page.get_by_label("Weights and biases one by one")).to_be_checked()
    expect(find_number(page, "w3")).to_have_text("1.5pull up or down")
    find_number(page, "x").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    page.wait_for_function("() => location.search.includes('input=0.7')")
    assert read_ratio(page) == pytest.approx(find_ratio(**pulled, input=0.7), rel=5e-3)
    # A layer is chosen by its column, and by arrow keys.
    page.locator(".gf-board .gf-plot").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".gf-board-below")).to_contain_text("Layer 2:")
    page.wait_for_function("() => location.search.includes('layer=2')")
    assert keep_own_errors(page_errors) == []


def test_a_longer_chain(page: Page, app_url: str, page_errors: list[str]) -> None:
    page.goto(app_url)
    open_from_menu(page, "Learn", "Backpropagation")
    wait_for_chart(page, "backprop_chain")
    expect(page.get_by_text("The gradient vanishes.")).to_be_visible()
    page.get_by_role("slider", name="Length n").press("ArrowRight")
    expect(find_number(page, "w9")).to_be_visible()
    page.wait_for_function("() => location.search.includes('length=9')")
    address = page.url
    open_from_menu(page, "Learn", "Diagnoses")
    expect(page.get_by_role("heading", name="Diagnoses")).to_be_visible()
    open_from_menu(page, "Learn", "Backpropagation")
    expect(find_number(page, "w9")).to_be_visible()
    page.wait_for_function(f"() => location.href === '{address}'")
    assert keep_own_errors(page_errors) == []


def test_steps_paths_and_an_update(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, f"{app_url}/backprop?part=network")
    board = page.locator(".gf-board")
    title = board.locator(".gf-step-title")  # it is said as well to those who hear it
    next_step = board.get_by_role("button", name="Next", exact=True)
    next_step.click()
    expect(title).to_contain_text("Step 2 of 20")
    page.keyboard.press("n")
    expect(title).to_contain_text("Step 3 of 20")
    for _step in range(7):
        next_step.click()
    expect(title).to_contain_text("δ of layer 1 from δ of the next")
    page.wait_for_function("() => location.search.includes('step=10')")
    # All paths into one δ, one after the other, and the same sum from the next layer's δ.
    board.get_by_role("button", name="Along every path").click()
    expect(board.locator(".gf-marked")).to_have_count(2)
    for n in range(2, 7):
        board.get_by_role("button", name=f"Add part {n} of 6").click()
    expect(board.locator(".gf-sum")).to_contain_text("6 paths, 24 multiplications")
    run = run_perceptron(Perceptron())
    wanted = float(run.by_pytorch.delta[0][0] / run.slope[0][0])
    for _way in range(2):
        sums = board.locator(".gf-sum").inner_text().split(":")[1].split()
        assert read_number(sums[0].rstrip(".")) == pytest.approx(wanted, rel=5e-3)
        reuse = board.get_by_role("button", name="Reuse δ of the next layer")
        if reuse.is_visible():
            reuse.click()
    assert len(list_deltas(page)) == 9
    # After the update everything shown is of the new weights.
    board.get_by_role("button", name="Last", exact=True).click()
    expect(title).to_contain_text("Step 20 of 20")
    assert list_deltas(page) == []
    after = run_perceptron(Perceptron(updates=1))
    outputs = page.evaluate(SPAN)
    assert [t for t in outputs if t.startswith("E =")] == [f"E = {after.by_hand.loss:.3f}"]
    assert f"{float(after.by_hand.a[-1][0]):.3f}" in outputs
    page.get_by_role("button", name="Apply the update").click()
    expect(page.get_by_text("Updates taken: 1.")).to_be_visible()
    page.wait_for_function("() => location.search.includes('updates=1')")
    assert keep_own_errors(page_errors) == []


def drag_finger(page: Page, start: tuple[float, float], down: float) -> None:
    devtools = page.context.new_cdp_session(page)
    x, y = start
    moves = [("touchMove", y + down * share / 6) for share in range(1, 7)]
    for kind, at in [("touchStart", y), *moves]:
        touch = {"type": kind, "touchPoints": [{"x": x, "y": at}]}
        devtools.send("Input.dispatchTouchEvent", touch)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_pulls_a_number_and_not_the_page(chromium: Browser, app_url: str) -> None:
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_page(page, f"{app_url}/backprop?length=5&activation=linear")
    box = find_number(page, "w2").bounding_box()
    assert box is not None
    drag_finger(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), -60)
    page.wait_for_function("() => location.search.includes('weights=1.0_2.0_1.0_1.0_1.0')")
    assert page.evaluate("document.querySelector('.stMain').scrollTop") == 0
    open_page(page, f"{app_url}/backprop?part=network")
    box = find_number(page, "x1").bounding_box()
    assert box is not None
    drag_finger(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), 30)
    page.wait_for_function("() => location.search.includes('inputs=0.1_-0.4_0.9')")
    assert read_query(page)["part"] == "network"
    context.close()
