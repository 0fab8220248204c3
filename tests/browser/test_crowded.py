"""A server with much to do says to everybody what they wait for, and what has ended for others."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gradflow.cli.processes import LOOPBACK, find_free_ports, run_until_exit, wait_for_health
from tests.browser.conftest import ROOT
from tests.browser.tools import wait_for_chart

TOAST = "[data-testid=stToast]"
LARGE = "/training?depth=3&width=2000&batch_size=32&steps=2000"
MOST, LITTLE = 4000, 100  # MiB that are left; a run of LARGE takes about 100


@pytest.fixture(scope="module")
def crowded_url() -> Iterator[str]:
    (port,) = find_free_ports(1)
    command = [sys.executable, "-m", "streamlit", "run", "tests/browser/crowded_app.py"]
    options = ["--server.port", str(port), "--server.address", LOOPBACK]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
        with run_until_exit([*command, *options], subprocess.DEVNULL, ROOT) as process:
            url = f"http://{LOOPBACK}:{port}"
            wait_for_health(process, url)
            yield url


def tell(crowded_url: str, path: str) -> None:
    with urllib.request.urlopen(f"{crowded_url}/test/{path}") as answer:
        assert answer.read() == b"ok"


@pytest.fixture
def visitor(context: BrowserContext, crowded_url: str) -> Iterator[Page]:
    tell(crowded_url, f"memory?mib={MOST}")
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    page.close()


def test_a_page_says_how_many_come_first(visitor: Page, crowded_url: str) -> None:
    tell(crowded_url, "hold?seconds=3")
    visitor.goto(f"{crowded_url}/?depth=9")
    expect(visitor.locator(TOAST)).to_contain_text(" before you.")
    wait_for_chart(visitor, "flow", 3)
    expect(visitor.locator(TOAST)).to_have_count(0)


def test_a_figure_says_how_many_come_first_while_a_control_moves(
    visitor: Page, crowded_url: str
) -> None:
    visitor.goto(f"{crowded_url}/?depth=7")
    wait_for_chart(visitor, "flow", 3)
    time.sleep(1)  # what is fetched ahead
    tell(crowded_url, "hold?seconds=3")
    slider = visitor.get_by_role("slider", name="Depth")
    for _press in range(7):  # beyond what was fetched ahead
        slider.press("ArrowRight")
    waiting = visitor.locator(".gf-waiting")
    expect(waiting).to_have_text("Waiting for a turn: 2 others before you.")
    figure = visitor.locator(".gf-figure").first.bounding_box()
    label = waiting.bounding_box()
    assert figure is not None
    assert label is not None
    assert figure["y"] <= label["y"] < label["y"] + label["height"] < figure["y"] + 100
    expect(waiting).to_have_text("Waiting for a turn: one other before you.")
    expect(waiting).to_be_hidden()
    expect(slider).to_have_attribute("aria-valuetext", "14")


def test_a_training_that_was_put_away_says_so_before_it_begins_anew(
    visitor: Page, context: BrowserContext, crowded_url: str
) -> None:
    visitor.goto(crowded_url + LARGE)
    train = visitor.locator(".st-key-training_play button").first
    pause = visitor.locator(".st-key-training_pause button").first
    train.click()
    expect(visitor.locator("p", has_text=re.compile(r"^step [1-9]\d* of"))).to_be_visible(
        timeout=60_000
    )
    pause.click()
    expect(train).to_be_enabled()  # it has paused
    tell(crowded_url, f"memory?mib={LITTLE}")
    other = context.new_page()
    other.goto(crowded_url + LARGE)
    other.locator(".st-key-training_play button").first.click()
    expect(other.get_by_text("lower one or more of")).to_be_visible()
    other.close()
    train.click()  # as the page still offers
    expect(visitor.get_by_text("because others needed the server's memory")).to_be_visible()
    expect(train).to_contain_text("Train this network")
