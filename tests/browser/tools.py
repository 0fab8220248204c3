"""What the browser tests share: charts as the browser holds them, and when a page is at rest."""

from playwright.sync_api import Locator, Page


def selector(key: str) -> str:
    """CSS of the element with this key.

    Streamlit mounts every new figure afresh and keeps the old one, hidden, until the new one is
    there: for a moment two elements have one key.
    """
    return f".st-key-{key}:not([data-retained])"


def figure(page: Page, key: str) -> Locator:
    return page.locator(selector(key)).last


def button(page: Page, name: str) -> Locator:
    """A button of the page itself: while the server is busy Streamlit shows a Stop of its own."""
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name, exact=True)


def plot(key: str) -> str:
    """JavaScript: the chart with its ``data`` and ``layout``; undefined before it is there."""
    return f"[...document.querySelectorAll('{selector(key)} .js-plotly-plot')].at(-1)"


def drawn(page: Page, key: str, traces: int = 1) -> None:
    """Wait until the chart holds so many traces."""
    page.wait_for_function(f"() => {plot(key)}?.data?.length >= {traces}")


def settled(page: Page) -> None:
    """Wait until the server has sent the whole page: a click before that can be lost."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def widest(page: Page) -> float:
    """The rightmost pixel of what the page shows; beyond the window's width, it is cut off."""
    return float(
        page.evaluate(
            """() => Math.max(document.documentElement.scrollWidth, ...[...document
                .querySelectorAll('.stMain table, .stMain .katex-html, .stMain .js-plotly-plot')]
                .map((e) => e.getBoundingClientRect().right))"""
        )
    )


def problems(page_errors: list[str]) -> list[str]:
    """Without what Streamlit logs on deep links, and Plotly when an animation is interrupted."""
    return [e for e in page_errors if "404" not in e and e != "exception: undefined"]
