"""The upper part of the Compare page: a card per setting, with its controls and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.theme import list_styles
from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks, compute
from gradflow.ui.compare import add
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.card_controls import (
    draw_file_controls,
    draw_setting_controls,
    read_experiment,
)
from gradflow.ui.compare.settings import LETTERS, REFERENCE, Column
from gradflow.ui.settings.state import show_in_widget

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


def draw_cards(*, with_controls: bool = True) -> list[Card]:
    """Draw a card for each column, and one to add another.

    Args:
        with_controls: without them the figures have more room, on a projector say.

    Returns:
        The cards, A first.
    """
    alerts = st.container()
    for message in compare_state.REFUSED_FILES.get():
        blocks.show_error(message)
    compare_state.REFUSED_FILES.set([])
    columns = compare_state.list_columns()
    free = compare_state.list_free_letters()
    places = st.columns(len(columns) + bool(free and with_controls))
    cards: list[Card] = []
    for (letter, column), place in zip(columns.items(), places, strict=False):
        with place.container(border=True):
            reference = cards[0].experiment if cards else None
            card, problem = _draw_card(letter, column, reference, alerts, with_controls)
        if problem:
            card.complain(problem)
        cards.append(card)
    if free and with_controls:
        with places[-1].container(border=True):
            add.draw_add_card(free)
    names = name_cards(cards)
    for card in cards:
        with card.head:
            _draw_head(card, names[card.letter])
    return cards


def _draw_card(
    letter: str, column: Column, reference: Experiment | None, alerts: Any, with_controls: bool
) -> tuple[Card, str]:
    head, verdict = st.container(), st.container()
    if column.report is not None:
        experiment, problem = draw_file_controls(letter, column.report)
    else:
        if with_controls:
            draw_setting_controls(letter)
        experiment, problem = read_experiment(letter, column, reference)
    if reference is not None and experiment is not None:
        _show_conditions(letter, column, experiment, reference)
    return Card(letter, column, experiment, head, verdict, alerts), problem


def _show_conditions(letter: str, column: Column, own: Experiment, reference: Experiment) -> None:
    other = compare_settings.describe_other_conditions(
        codec.to_fields(own), codec.to_fields(reference)
    )
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


def _draw_head(card: Card, default_name: str) -> None:
    name_key = f"compare_{card.letter}_name"
    show_in_widget(name_key, card.column.name)
    style = list_styles(blocks.read_mode())[LETTERS.index(card.letter)]
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        st.html(
            f'<span style="color:{style.colour};font-size:1.35rem;font-weight:700;'
            f'white-space:nowrap">{_GLYPHS[style.symbol]} {card.letter.upper()}</span>',
            width="content",
        )
        st.text_input(
            _("Name of {letter}").format(letter=card.letter.upper()),
            key=name_key,
            placeholder=default_name,
            max_chars=compare_state.MAX_NAME,
            label_visibility="collapsed",
            on_change=compare_state.rename_column,
            args=(card.letter, name_key),
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


def name_cards(cards: list[Card]) -> dict[str, str]:
    """Name each card by its setting or file; a user may give it another name."""
    names = compare_settings.name_columns(
        {c.letter: codec.to_fields(c.experiment) for c in cards if c.experiment is not None}
    )
    for card in cards:
        report = card.column.report
        if card.letter not in names:
            names[card.letter] = (report.title if report else "") or card.column.file or "–"
    return names


def run_cards(cards: list[Card]) -> list[ComparedSetting]:
    """Run what is not yet known; verdicts and errors go into the cards.

    Returns:
        The settings that have a report.
    """
    names = name_cards(cards)
    entries = []
    for card in cards:
        name = compare_state.list_columns()[card.letter].name or names[card.letter]
        with card.verdict:
            try:
                report = card.column.report
                if report is None and card.experiment is not None:
                    report = compute.run(card.experiment)
            except GradflowError as error:
                card.complain(error)
                continue
            if report is not None:
                _show_verdict(report)
                entries.append(ComparedSetting(card.letter.upper(), name, report))
    return entries


def _show_verdict(report: Report) -> None:
    """Show the first finding, the gradient's fate; folded, so that cards stay even, the others."""
    first, *others = findings(report)
    blocks.show_finding(first, brief=True)
    if others:
        with st.expander(_("More findings: {n}").format(n=len(others))):
            for finding in others:
                blocks.show_finding(finding, brief=True)


def write_url(cards: list[Card]) -> None:
    """Make the URL carry the cards, as far as it can."""
    reference = compare_state.FORMS[REFERENCE].read_last_valid()
    query = {}
    for card in cards:
        if card.experiment is not None:
            base = None if card.letter == REFERENCE else reference
            query[card.letter] = compare_settings.to_text(card.experiment, base)
        elif card.column.report is None:
            last = compare_state.FORMS[card.letter].read_last_valid()
            query[card.letter] = compare_settings.to_text(last, last)
        if card.letter in query and card.column.name:
            query[compare_state.name_parameter(card.letter)] = card.column.name
    compare_state.ADDRESS.write(query)
