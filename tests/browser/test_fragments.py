"""What runs again in a real browser: the view, not the frame and the navigation around it."""

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.tools import keep_own_errors, read_query, wait_for_chart, wait_for_server

NAVIGATION = "document.querySelector('[data-testid=stHeader]')"
FRAME_MESSAGE = b"GradFlow: see how signals"
"""In what main.py sends with every run of its own, and nothing else does."""


class Frames:
    """Counts the runs of the app's frame by what the websocket brings."""

    def __init__(self, page: Page) -> None:
        self.runs = 0
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._count)

    def _count(self, payload: str | bytes) -> None:
        self.runs += FRAME_MESSAGE in (payload if isinstance(payload, bytes) else payload.encode())


def open_page(page: Page, url: str, figure: str) -> Frames:
    """Open a page and remember the nodes of its navigation."""
    frames = Frames(page)
    page.goto(url)
    wait_for_chart(page, figure)
    wait_for_server(page)
    assert frames.runs > 0
    page.evaluate(
        f"() => {{ window.before = {NAVIGATION}; window.nodes = "
        f"[...{NAVIGATION}.querySelectorAll('a, button')]; }}"
    )
    frames.runs = 0
    return frames


def is_navigation_untouched(page: Page) -> bool:
    return bool(
        page.evaluate(
            f"() => window.before === {NAVIGATION} && window.nodes.every((n) => n.isConnected)"
        )
    )


@pytest.mark.parametrize(
    ("address", "figure", "view", "next_figure", "query"),
    [
        (
            "activations?view=layers",
            "slope_products",
            "A Gaussian through φ",
            "gaussian",
            {"view": "gaussian"},
        ),
        (
            "backprop?part=chain",
            "backprop_chain",
            "A small network, step by step",
            "backprop_network",
            {"part": "network"},
        ),
    ],
)
def test_another_view_leaves_the_frame_alone(
    page: Page,
    app_url: str,
    page_errors: list[str],
    address: str,
    figure: str,
    view: str,
    next_figure: str,
    query: dict[str, str],
) -> None:
    frames = open_page(page, f"{app_url}/{address}", figure)
    page.get_by_role("radio", name=view).click()
    wait_for_chart(page, next_figure)
    wait_for_server(page)
    assert frames.runs == 0
    assert is_navigation_untouched(page)
    assert query.items() <= read_query(page).items()
    assert keep_own_errors(page_errors) == []


def test_a_setting_reruns_the_view_alone(page: Page, app_url: str) -> None:
    frames = open_page(page, f"{app_url}/descent", "descent_map")
    page.get_by_role("slider", name="Start").first.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('start')")
    wait_for_server(page)
    assert frames.runs == 0
    assert is_navigation_untouched(page)
    # Nothing is drawn twice, and nothing is gone.
    expect(page.get_by_role("slider", name="Steps")).to_have_count(1)


def test_another_view_brings_its_own_controls(page: Page, app_url: str) -> None:
    open_page(page, f"{app_url}/backprop?part=chain", "backprop_chain")
    expect(page.get_by_role("slider", name="Length")).to_have_count(1)
    for _visit in range(2):
        page.get_by_role("radio", name="A small network, step by step").click()
        expect(page.get_by_role("slider", name="Hidden layers")).to_have_count(1)
        expect(page.get_by_role("slider", name="Length")).to_have_count(0)
        page.get_by_role("radio", name="A chain of single units").click()
        expect(page.get_by_role("slider", name="Length")).to_have_count(1)
        expect(page.get_by_role("slider", name="Hidden layers")).to_have_count(0)


def test_a_fragment_can_leave_for_another_page(page: Page, app_url: str) -> None:
    frames = open_page(page, f"{app_url}/diagnoses?about=vanishing", "flow")
    page.get_by_role("button", name="Open this network in Explore").click()
    page.wait_for_function("() => location.pathname === '/'")
    wait_for_chart(page, "flow")
    wait_for_server(page)
    assert frames.runs == 1
