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
from gradflow.ui import blocks, compute
from gradflow.ui.compare import add
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.settings import LETTERS, REFERENCE, SHARED, Column
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.experiments import GROUPS
from gradflow.ui.settings.fields import draw_compact_field, draw_dependents, draw_fields
from gradflow.ui.settings.state import show_in_widget

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


def draw_shared_controls() -> bool:
    """Draw the controls that all settings share: data, loss, seed and number format of A.

    Returns:
        Whether the cards shall show their controls.
    """
    with_controls = st.toggle(
        _("Controls in the cards"),
        value=True,
        key="compare_controls",
        help=_("Without them the figures have more room, on a projector say."),
    )
    for group in GROUPS:
        if set(group.names) <= SHARED:
            with st.expander(_(group.title), expanded=group.title == "Data and loss"):
                draw_fields(compare_state.FORMS[REFERENCE], group.names, draw=draw_compact_field)
    st.caption(_("The same for all settings; what a saved file was computed on stays as it was."))
    return with_controls


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
        experiment, problem = _draw_file_controls(letter, column.report)
    else:
        if with_controls:
            _draw_controls(letter)
        experiment, problem = _read_experiment(letter, column, reference)
    if reference is not None and experiment is not None:
        _show_conditions(letter, column, experiment, reference)
    return Card(letter, column, experiment, head, verdict, alerts), problem


def _draw_controls(letter: str) -> None:
    form = compare_state.FORMS[letter]
    for name in MAIN:
        draw_compact_field(form, name)
    for names, column in zip(SIZE, st.columns(2), strict=True):
        with column:
            for name in names:
                draw_compact_field(form, name)
    # Not a popover: what is in a closed one comes up with its smallest values.
    with st.expander(_("More settings"), icon=":material/tune:"):
        for name in MAIN:
            draw_dependents(form, name, draw=draw_compact_field)
        draw_compact_field(form, "widths")
        preset_key = f"compare_{letter}_preset"
        show_in_widget(preset_key, None)  # it always waits for a choice
        st.selectbox(
            _("Replace by a preset"),
            list(PRESETS) if letter == REFERENCE else compare_settings.list_network_presets(),
            index=None,
            key=preset_key,
            format_func=lambda code: _(PRESETS[code].label),
            placeholder=_("a preset experiment …"),
            on_change=add.put_preset,
            args=(letter, preset_key),
        )
        if EXPLORE.read_last_valid() != form.read_last_valid():
            st.button(
                _("Take the setting of Explore"),
                key=f"explore_{letter}",
                icon=":material/insights:",
                on_click=compare_state.put_column,
                args=(letter, Column(), EXPLORE.read_last_valid()),
                width="stretch",
            )


def _read_experiment(
    letter: str, column: Column, reference: Experiment | None
) -> tuple[Experiment | None, str]:
    """Read what the controls describe, else the last that was possible; and what is wrong."""
    form = compare_state.FORMS[letter]
    shared = {}
    if reference is not None and not column.alone:
        shared = compare_settings.select_shared(codec.to_fields(reference))
    try:
        return form.read(shared), form.problem
    except InvalidExperiment as error:
        last = codec.to_fields(form.read_last_valid()) | shared
        try:
            return codec.from_fields(last), "\n".join(
                [str(error), _("Shown below is the last setting that was possible.")]
            )
        except InvalidExperiment:
            return None, "\n".join([str(error), _("It is left out below.")])


def _draw_file_controls(letter: str, report: Report) -> tuple[Experiment | None, str]:
    """Show where a saved report comes from; its setting, if it can be run here, and why not."""
    st.caption(_("Numbers as saved in the file; nothing is computed."))
    experiment, problem = None, ""
    try:
        experiment = compare_settings.find_setting(report)
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
    name = compare_state.list_columns()[letter].name
    st.button(
        _("Edit as a setting"),
        key=f"edit_{letter}",
        icon=":material/edit:",
        on_click=compare_state.put_column,
        args=(letter, Column(name=name, alone=True), experiment),
        width="stretch",
    )
    return experiment, ""


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
