"""The settings of the Compare page as cards in a row: their names, and the fate of their gradients.

All cards are one element, so that they are of one height and cost the page one message. What a card
says is read; the controls of one setting at a time stand below the cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.theme import escape, list_styles
from gradflow.core import codec
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.verdict import Severity
from gradflow.ui import blocks, compute
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.settings import LETTERS, REFERENCE, Column
from gradflow.ui.compare.words import Judgement, judge_report

_GLYPHS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲"}


@dataclass(frozen=True)
class Card:
    """One setting on the page.

    Attributes:
        letter: its letter, lower case.
        column: what the session keeps of it.
        experiment: what is computed; ``None`` if nothing can be.
        report: what is shown; ``None`` if there is nothing.
        name: as the user wrote it, or made from the setting.
        conditions: how data, seed and the like differ from those of A; empty if they do not.
        problems: what is wrong with the setting.
    """

    letter: str
    column: Column
    experiment: Experiment | None
    report: Report | None
    name: str
    conditions: str
    problems: tuple[str, ...]


def make_cards() -> list[Card]:
    """Read all settings and run what is not yet known; A comes first."""
    columns = compare_state.list_columns()
    read: dict[str, tuple[Experiment | None, str]] = {}
    for letter, column in columns.items():
        reference = read[REFERENCE][0] if read else None
        read[letter] = read_experiment(letter, column, reference)
    experiments = {letter: own for letter, (own, _problem) in read.items()}
    names = name_columns(columns, experiments)
    reference = experiments[REFERENCE]
    cards = []
    for letter, column in columns.items():
        experiment, problem = read[letter]
        report, error = _find_report(experiment)
        conditions = ""
        if experiment is not None and reference is not None and letter != REFERENCE:
            conditions = compare_settings.describe_other_conditions(
                codec.to_fields(experiment), codec.to_fields(reference)
            )
        problems = tuple(filter(None, (problem, error)))
        cards.append(Card(letter, column, experiment, report, names[letter], conditions, problems))
    return cards


def read_experiment(
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
                [str(error), _("What you see below is the last valid setting.")]
            )
        except InvalidExperiment:
            return None, "\n".join([str(error), _("It is left out below.")])


def _find_report(experiment: Experiment | None) -> tuple[Report | None, str]:
    if experiment is None:
        return None, ""
    try:
        return compute.run(experiment), ""
    except GradflowError as error:
        return None, str(error)


def name_columns(
    columns: dict[str, Column], experiments: dict[str, Experiment | None]
) -> dict[str, str]:
    """Name each column as its user did, else by its preset or its setting."""
    names = compare_settings.name_columns(
        {letter: codec.to_fields(own) for letter, own in experiments.items() if own is not None}
    )
    reference = experiments.get(REFERENCE)
    for letter, column in columns.items():
        experiment = experiments[letter]
        is_copy = letter != REFERENCE and experiment == reference
        if column.name:
            names[letter] = column.name
        elif experiment is None:
            names[letter] = "–"
        elif not is_copy and (label := compare_settings.find_preset_label(experiment)):
            names[letter] = label
    return names


def list_entries(cards: Sequence[Card]) -> list[ComparedSetting]:
    """List the settings that have a report."""
    return [
        ComparedSetting(card.letter.upper(), card.name, card.report)
        for card in cards
        if card.report is not None
    ]


def draw_cards(cards: Sequence[Card]) -> None:
    """Draw the row of cards, and above it what is wrong with any."""
    for card in cards:
        for problem in card.problems:
            blocks.show_error(f"{card.letter.upper()}: {problem}")
    st.html(f'<div class="gf-settings" role="list">{"".join(map(write_card, cards))}</div>')


def write_card(card: Card) -> str:
    """Write a card as HTML."""
    notes = []
    if card.conditions:
        notes.append(_("Not under the conditions of A: {other}.").format(other=card.conditions))
    return write_summary(card.letter.upper(), card.name, card.report, notes)


def write_summary(letter: str, name: str, report: Report | None, notes: Sequence[str] = ()) -> str:
    """Write what is said of a report as HTML: its name, its fate, and what else is wrong.

    Of one that stands alone ``letter`` is empty.
    """
    sign = _write_sign(letter) if letter else ""
    lines = [f'<div class="gf-setting-name">{sign} {escape(name)}</div>']
    severity = Severity.NOTE
    if report is not None:
        fate, *others = judge_report(report)
        severity = fate.severity
        lines.append(_write_judgement(fate))
        lines += map(_write_other, others)
    lines += [f'<div class="gf-setting-note">{escape(note)}</div>' for note in notes]
    look = f'class="gf-setting" data-severity="{severity}"'
    return f'<div {look} role="listitem">{"".join(lines)}</div>'


def _write_sign(letter: str) -> str:
    style = list_styles(blocks.read_mode())[LETTERS.index(letter.lower())]
    # Towards the text's colour: on the card's tint the line's own would be hard to read.
    colour = f"color-mix(in srgb, {style.colour} 80%, currentColor)"
    return f'<b style="color:{colour}">{_GLYPHS[style.symbol]} {letter}</b>'


def _write_judgement(judgement: Judgement) -> str:
    head = f"<b>{judgement.sign} {escape(judgement.head)}</b>"
    return f"<div>{head} {escape(judgement.text)}</div>"


def _write_other(judgement: Judgement) -> str:
    """Write a further finding: its name, and its sentence when that is opened."""
    head = _("also: {finding}").format(finding=judgement.head)
    return (
        f"<details><summary>{judgement.sign} {escape(head)}</summary>{escape(judgement.text)}"
        "</details>"
    )


def write_url(cards: Sequence[Card]) -> None:
    """Make the URL carry the settings, as far as it can."""
    reference = compare_state.FORMS[REFERENCE].read_last_valid()
    query = {}
    for card in cards:
        if card.experiment is not None:
            base = None if card.letter == REFERENCE else reference
            query[card.letter] = compare_settings.to_text(card.experiment, base)
        else:
            last = compare_state.FORMS[card.letter].read_last_valid()
            query[card.letter] = compare_settings.to_text(last, last)
        if card.letter in query and card.column.name:
            query[compare_state.name_parameter(card.letter)] = card.column.name
    compare_state.ADDRESS.write(query)
