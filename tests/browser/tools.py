"""Helpers of the browser tests: charts as the browser holds them, and waiting for a page."""

import urllib.parse

from playwright.sync_api import Locator, Page

PATIENCE = 60_000  # milliseconds; a shared machine may be busy


def write_selector(key: str) -> str:
    """Write the CSS selector of the widget with this key.

    While a page takes another's place, Streamlit keeps the old one's elements, hidden.
    """
    return f".st-key-{key}:not([data-retained])"


def find_figure(page: Page, key: str) -> Locator:
    return page.locator(write_selector(f"figure_{key}")).last


def find_button(page: Page, name: str) -> Locator:
    """Find a button of the page itself: a busy server makes Streamlit show a Stop of its own."""
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name, exact=True)


def write_chart_js(key: str) -> str:
    """Write JavaScript for a chart with its ``data`` and ``layout``; undefined before it exists."""
    figure = write_selector(f"figure_{key}")
    return f"[...document.querySelectorAll('{figure} .gf-plot')].at(-1)"


def wait_for_chart(page: Page, key: str, traces: int = 1) -> None:
    """Wait until the chart holds at least this many traces, or the board as many parts."""
    chart = write_chart_js(key)
    parts = f"{chart}?.data?.length ?? {chart}?.querySelector('svg')?.children.length"
    page.wait_for_function(f"() => ({parts}) >= {traces}", timeout=PATIENCE)


def wait_for_server(page: Page) -> None:
    """Wait until the server has sent the whole page: a click before that can be lost."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def wait_until(page: Page, predicate: str) -> None:
    """Wait until an async function of JavaScript returns something true.

    ``Page.wait_for_function`` takes the promise itself for true. While the page is being built a
    predicate may fail on what is not there yet; its last error is told if it never holds.
    """
    page.evaluate(
        """async ([predicate, limit]) => {
            const isTrue = (0, eval)(`(${predicate})`);
            let failure = "";
            const holds = async () => {
                try { return await isTrue(); } catch (error) { failure = error; }
            };
            for (const begun = performance.now(); !(await holds()); ) {
                if (performance.now() - begun > limit)
                    throw new Error(`not true: ${predicate} ${failure}`);
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
        }""",
        [predicate, PATIENCE],
    )


def read_query(page: Page) -> dict[str, str]:
    """Read the settings in the page's address."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))


def find_setting(page: Page, label: str) -> Locator:
    """Find a control of Explore's toolbar, behind whichever button it is."""
    control = page.locator(".gf-toolbar").get_by_label(label, exact=True)
    if not control.is_visible():
        has = page.get_by_label(label, exact=True)
        fold = page.locator(".gf-toolbar .gf-fold").filter(has=has)
        fold.locator("> button").click()
    return control


def choose_setting(page: Page, label: str, option: str) -> None:
    """Choose an option of a list of Explore's toolbar."""
    find_setting(page, label).select_option(label=option)


def open_tab(page: Page, name: str) -> None:
    """Open a tab of what is folded below Explore's figure."""
    tab = page.get_by_role("tab", name=name)
    if not tab.is_visible():
        page.get_by_text("Details: norms").click()
    tab.click()


def measure_width(page: Page) -> float:
    """Measure the rightmost pixel of the page; beyond the window's width, it is cut off."""
    return float(
        page.evaluate(
            """() => Math.max(document.documentElement.scrollWidth, ...[...document
                .querySelectorAll('.stMain table, .stMain .katex-html, .stMain .gf-plot')]
                .map((e) => e.getBoundingClientRect().right))"""
        )
    )


def keep_own_errors(page_errors: list[str]) -> list[str]:
    """Drop what Streamlit logs on deep links, and Plotly when an animation is interrupted."""
    return [e for e in page_errors if "404" not in e and e != "exception: undefined"]


def open_from_menu(page: Page, section: str, name: str) -> None:
    """Open a page of a section of the navigation."""
    page.get_by_test_id("stTopNavSection").filter(has_text=section).click()
    page.get_by_role("menuitem", name=name, exact=True).click()
