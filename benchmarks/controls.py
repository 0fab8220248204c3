"""A page's main control, pressed by keyboard: a slider, a number field, a list or buttons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SLIDERS_TRIED = 3
"""Sliders of a view that may be the main control: the first ones."""
SLIDERS = "input[type=range]:not([disabled]), [role=slider]:not(input):not([aria-disabled=true])"
NUMBERS = ".stMain [data-testid=stNumberInput] input:not([disabled])"
LISTS = "[data-testid=stSelectbox] input:not([disabled])"
OTHER_BUTTONS = (
    ".stMain [class*=st-key-]:not([class*=view_widget]) > [data-testid=stButtonGroup] "
    "[role=radio][aria-checked=false]"
)
"""Buttons, not pressed, of rows that choose what a figure shows, not which view."""

BUTTONS = {
    ("backprop", "network"): "Next",
    ("recurrent", "training"): "Train",
    ("training", ""): "Step",
}
"""Main controls of the views whose figure follows a button, by page and view."""
RENEWERS = {"Train": "Length T"}
"""Sliders that bring a button back after it has done all it can."""

LABEL_SCRIPT = """(element) =>
    element.closest("[data-testid=stSlider], [data-testid=stSelectbox], "
        + "[data-testid=stNumberInput]")
        ?.querySelector("[data-testid=stWidgetLabel]")?.textContent
    || element.getAttribute("aria-label") || "?"
"""


@dataclass
class Control:
    """Something that a key press changes.

    Attributes:
        kind: what it is, in a word.
        name: what it is called on the page.
        prepare: brings the focus there, so that one more key press changes it.
    """

    kind: str
    name: str
    prepare: Callable[[], str]

    def __str__(self) -> str:
        return f"{self.kind} “{self.name}”"


def list_controls(page: Page, name: str, view: str) -> Iterator[Control]:
    """List what may be the main control of a view, the likeliest first."""
    if label := BUTTONS.get((name, view)):
        yield make_button(page, label)
        return
    sliders = page.locator(".stMain").locator(SLIDERS).locator("visible=true")
    for index in range(min(sliders.count(), SLIDERS_TRIED)):
        yield make_slider(sliders.nth(index))
    others: tuple[tuple[str, Callable[[Locator], Control]], ...] = (
        (NUMBERS, make_number),
        (OTHER_BUTTONS, make_buttons),
        (f".stMain {LISTS}", partial(make_list, page)),
    )
    for selector, make in others:
        matches = page.locator(selector).locator("visible=true")
        if matches.count():
            yield make(matches.first)


def is_numeric(control: Control | None) -> bool:
    """Say whether a control changes a number."""
    return control is not None and control.kind in ("slider", "number")


def make_slider(slider: Locator) -> Control:
    """Make the control of a slider: a step to the right, at the end to the left."""

    def prepare() -> str:
        slider.focus()
        value, highest = (
            slider.evaluate(f"(e) => Number(e.{name} || e.getAttribute('aria-{aria}'))")
            for name, aria in (("value", "valuenow"), ("max", "valuemax"))
        )
        return "ArrowRight" if value < highest else "ArrowLeft"

    return Control("slider", read_label(slider), prepare)


def make_number(field: Locator) -> Control:
    """Make the control of a number field: one more."""

    def prepare() -> str:
        field.focus()
        return "ArrowUp"

    return Control("number", read_label(field), prepare)


def make_list(page: Page, box: Locator) -> Control:
    """Make the control of a list: its next option."""

    def prepare() -> str:
        box.focus()
        page.keyboard.press("ArrowDown")
        page.locator("[role=option]").first.wait_for()
        page.keyboard.press("ArrowDown")
        return "Enter"

    return Control("list", read_label(box), prepare)


def make_buttons(first: Locator) -> Control:
    """Make the control of a row of buttons: the first one that is not pressed."""

    def prepare() -> str:
        first.focus()
        return "Enter"

    row = first.locator("xpath=ancestor::*[@role='radiogroup'][1]")
    return Control("buttons", row.get_attribute("aria-label") or "?", prepare)


def make_button(page: Page, label: str) -> Control:
    """Make the control of a button of the page itself."""
    main = page.get_by_test_id("stMainBlockContainer")
    # The name also holds a shortcut; "Train" becomes "Train again".
    button = main.get_by_role("button", name=re.compile(rf"^\W*{label}\b")).first

    def prepare() -> str:
        if label in RENEWERS and not button.count():
            slider = page.get_by_role("slider", name=RENEWERS[label])
            slider.press("ArrowRight")
            button.wait_for()
        button.focus()
        return "Enter"

    return Control("button", label, prepare)


def read_label(element: Locator) -> str:
    """Read what a control is called on the page."""
    return str(element.evaluate(LABEL_SCRIPT)).strip()
