"""The upper part of the Compare page: a card per setting, with its controls and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.theme import list_styles
from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks, compute, controls, state
from gradflow.ui.compare import add as compare_add
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.settings import LETTERS, REFERENCE, SHARED, Column

MAIN = ("architecture", "activation", "initialization", "normalization", "connection")
SIZE = (("depth",), ("width", "channels"))
"""Settings whose widgets are always in sight; those that hang on them are a click away."""
_GLYPHS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲"}


@dataclass(frozen=True)
class Card:
    """One setting on the page.

    Attributes:
        letter: its letter, lower case.
        column: what the session keeps of it.
        experiment: what is computed; ``None`` if nothing can be.
        head, verdict: places in the card.
        alerts: a place above all cards, where a long complaint has room.
    """

    letter: str
    column: Column
    experiment: Experiment | None
    head: Any
    verdict: Any
    alerts: Any

    def complain(self, problem: GradflowError | str) -> None:
        """Say what is wrong with this setting."""
        with self.alerts:
            blocks.show_error(f"{self.letter.upper()}: {problem}")


def shared_controls() -> bool:
    """Data, loss, seed, number format: those of A, for all.

    Returns:
        Whether the cards shall show their controls.
    """
    shown = st.toggle(
        _("Controls in the cards"),
        value=True,
        key="compare_controls",
        help=_("Without them the figures have more room, on a projector say."),
    )
    for title, _expanded, names in controls.GROUPS:
        if set(names) <= SHARED:
            with st.expander(_(title), expanded=title == "Data and loss"):
                for name in names:
                    controls.control(name, compare_state.compared(REFERENCE), compact=True)
                    controls.dependents(name, compare_state.compared(REFERENCE), compact=True)
    st.caption(_("The same for all settings; what a saved file was computed on stays as it was."))
    return shown


def cards(*, with_controls: bool = True) -> list[Card]:
    """Draw a card for each column, and one to add another.

    Args:
        with_controls: without them the figures have more room, on a projector say.

    Returns:
        The cards, A first.
    """
    alerts = st.container()
    for message in compare_state.refused_files():
        blocks.show_error(message)
    columns = compare_state.columns()
    free = compare_state.free_letters()
    places = st.columns(len(columns) + bool(free and with_controls))
    drawn: list[Card] = []
    for (letter, column), place in zip(columns.items(), places, strict=False):
        with place.container(border=True):
            reference = drawn[0].experiment if drawn else None
            card, problem = _card(letter, column, reference, alerts, with_controls)
        if problem:
            card.complain(problem)
        drawn.append(card)
    if free and with_controls:
        with places[-1].container(border=True):
            compare_add.add_card(free)
    made = generated_names(drawn)
    for card in drawn:
        with card.head:
            _head(card, made[card.letter])
    return drawn


def _card(
    letter: str, column: Column, reference: Experiment | None, alerts: Any, with_controls: bool
) -> tuple[Card, str]:
    head, verdict = st.container(), st.container()
    if column.report is not None:
        experiment, problem = _file_controls(letter, column.report)
    else:
        if reference is not None and not column.alone:
            compare_state.share(letter, reference)
        if with_controls:
            _controls(letter)
        experiment, problem = _experiment(letter, column, reference)
        if experiment is not None:
            compare_state.settled_column(letter, experiment)
    if reference is not None and experiment is not None:
        _conditions(letter, column, experiment, reference)
    return Card(letter, column, experiment, head, verdict, alerts), problem


def _controls(letter: str) -> None:
    slot = compare_state.compared(letter)
    for name in MAIN:
        controls.control(name, slot, compact=True)
    for names, column in zip(SIZE, st.columns(2), strict=True):
        with column:
            for name in names:
                controls.control(name, slot, compact=True)
    # Not a popover: what is in a closed one comes up with its smallest values.
    with st.expander(_("More settings"), icon=":material/tune:"):
        for name in MAIN:
            controls.dependents(name, slot, compact=True)
        controls.control("widths", slot, compact=True)
        st.selectbox(
            _("Replace by a preset"),
            list(PRESETS) if letter == REFERENCE else compare_settings.network_presets(),
            index=None,
            key=compare_state.preset_key_of(letter),
            format_func=lambda code: _(PRESETS[code].label),
            placeholder=_("a preset experiment …"),
            on_change=compare_state.load_column_preset,
            args=(letter,),
        )
        if state.last_valid() != compare_state.valid(letter):
            st.button(
                _("Take the setting of Explore"),
                key=f"explore_{letter}",
                icon=":material/insights:",
                on_click=compare_state.put_column,
                args=(letter, Column(), state.last_valid()),
                width="stretch",
            )


def _experiment(
    letter: str, column: Column, reference: Experiment | None
) -> tuple[Experiment | None, str]:
    """What the controls describe, else the last that was possible; and what is wrong."""
    slot = compare_state.compared(letter)
    try:
        return codec.from_fields(state.settings(slot)), state.url_problem(slot)
    except InvalidExperiment as error:
        last = codec.to_fields(compare_state.valid(letter))
        if reference is not None and not column.alone:
            last = compare_settings.joined(last, codec.to_fields(reference))
        try:
            return codec.from_fields(last), "\n".join(
                [str(error), _("Shown below is the last setting that was possible.")]
            )
        except InvalidExperiment:
            return None, "\n".join([str(error), _("It is left out below.")])


def _file_controls(letter: str, report: Report) -> tuple[Experiment | None, str]:
    """The setting of a saved report, if it can be run here; and why not."""
    st.caption(_("Numbers as saved in the file; nothing is computed."))
    experiment, problem = None, ""
    try:
        experiment = compare_settings.of_report(report)
    except InvalidExperiment as error:
        problem = str(error)
    if experiment is None:
        st.info(
            _(
                "This file holds no setting that can be run here. It is not in the address of "
                "this page, and whether its data and seed are those of A is not known."
            ),
            icon=":material/link_off:",
        )
        return None, problem
    st.caption(_("The address holds its setting: after a reload it is computed anew."))
    st.button(
        _("Edit as a setting"),
        key=f"edit_{letter}",
        icon=":material/edit:",
        on_click=compare_state.put_column,
        args=(letter, Column(name=compare_state.columns()[letter].name, alone=True), experiment),
        width="stretch",
    )
    return experiment, ""


def _conditions(letter: str, column: Column, own: Experiment, reference: Experiment) -> None:
    other = compare_settings.other_conditions(codec.to_fields(own), codec.to_fields(reference))
    if not other:
        return
    st.info(
        _("{letter} was computed on other data or under other conditions than A: {other}.").format(
            letter=letter.upper(), other=other
        ),
        icon=":material/difference:",
    )
    if column.report is None:
        st.button(
            _("Use those of A"),
            key=f"share_{letter}",
            on_click=lambda: compare_state.change_column(letter, alone=False),
            width="stretch",
        )


def _head(card: Card, made: str) -> None:
    style = list_styles(blocks.mode())[LETTERS.index(card.letter)]
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        st.html(
            f'<span style="color:{style.colour};font-size:1.35rem;font-weight:700;'
            f'white-space:nowrap">{_GLYPHS[style.symbol]} {card.letter.upper()}</span>',
            width="content",
        )
        name = st.text_input(
            _("Name of {letter}").format(letter=card.letter.upper()),
            key=compare_state.name_key(card.letter),
            placeholder=made,
            max_chars=compare_state.MAX_NAME,
            label_visibility="collapsed",
        )
        if card.letter != REFERENCE:
            st.button(
                "",
                key=f"remove_{card.letter}",
                icon=":material/close:",
                help=_("Remove {letter}").format(letter=card.letter.upper()),
                type="tertiary",
                on_click=compare_state.remove_column,
                args=(card.letter,),
            )
    if name != card.column.name:
        compare_state.change_column(card.letter, name=name or "")


def generated_names(drawn: list[Card]) -> dict[str, str]:
    """What each card is called unless the user has named it."""
    made = compare_settings.names(
        {c.letter: codec.to_fields(c.experiment) for c in drawn if c.experiment is not None}
    )
    for card in drawn:
        report = card.column.report
        if card.letter not in made:
            made[card.letter] = (report.title if report else "") or card.column.file or "–"
    return made


def computed(drawn: list[Card]) -> list[ComparedSetting]:
    """Run what is not yet known; verdicts and errors go into the cards.

    Returns:
        The settings that have a report.
    """
    made = generated_names(drawn)
    entries = []
    for card in drawn:
        name = compare_state.columns()[card.letter].name or made[card.letter]
        with card.verdict:
            try:
                report = card.column.report
                if report is None and card.experiment is not None:
                    report = compute.run(card.experiment)
            except GradflowError as error:
                card.complain(error)
                continue
            if report is not None:
                _verdict(report)
                entries.append(ComparedSetting(card.letter.upper(), name, report))
    return entries


def _verdict(report: Report) -> None:
    """The first finding, the gradient's fate; the others a click away, so that cards stay even."""
    found = findings(report)
    for finding in found[:1]:
        blocks.show_finding(finding, brief=True)
    if len(found) > 1:
        with st.expander(_("More findings: {n}").format(n=len(found) - 1)):
            for finding in found[1:]:
                blocks.show_finding(finding, brief=True)


def query(drawn: list[Card]) -> dict[str, str]:
    """The URL parameters that bring the cards back, as far as they can be."""
    reference = compare_state.valid(REFERENCE)
    found = {}
    for card in drawn:
        if card.experiment is not None:
            base = None if card.letter == REFERENCE else reference
            found[card.letter] = compare_settings.to_text(card.experiment, base)
        elif card.column.report is None:
            last = compare_state.valid(card.letter)
            found[card.letter] = compare_settings.to_text(last, last)
        if card.letter in found and (name := compare_state.columns()[card.letter].name):
            found[f"{card.letter}_name"] = name
    return found
