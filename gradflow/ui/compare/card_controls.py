"""The controls of the Compare page: those in a card, and those that all cards share."""

from __future__ import annotations

import streamlit as st

from gradflow.core import codec
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui.compare import add
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare import state as compare_state
from gradflow.ui.compare.settings import REFERENCE, SHARED, Column
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.experiments import GROUPS
from gradflow.ui.settings.fields import draw_compact_field, draw_dependents, draw_fields
from gradflow.ui.settings.state import show_in_widget

_MAIN_FIELDS = ("architecture", "activation", "initialization", "normalization", "connection")
_SIZE_FIELDS = (("depth",), ("width", "channels"))
"""Settings whose widgets are always in sight; those that hang on them are a click away."""


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


def draw_setting_controls(letter: str) -> None:
    """Draw the controls of one setting: its network, and what hangs on it."""
    form = compare_state.FORMS[letter]
    for name in _MAIN_FIELDS:
        draw_compact_field(form, name)
    for names, column in zip(_SIZE_FIELDS, st.columns(2), strict=True):
        with column:
            for name in names:
                draw_compact_field(form, name)
    # Not a popover: what is in a closed one comes up with its smallest values.
    with st.expander(_("More settings"), icon=":material/tune:"):
        for name in _MAIN_FIELDS:
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
                [str(error), _("Shown below is the last setting that was possible.")]
            )
        except InvalidExperiment:
            return None, "\n".join([str(error), _("It is left out below.")])


def draw_file_controls(letter: str, report: Report) -> tuple[Experiment | None, str]:
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
