"""The part of the session that belongs to the page on training; see ``gradflow.ui.state``.

The settings are those of the next run: an experiment, as on Explore, and a plan, or a preset of
several runs. The URL carries the code of the preset, or all settings that apply. The runs
themselves lie in ``runs``; the session holds a token, and so does the URL once there is a run, so
that a page that is loaded anew finds it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gradflow.core import codec
from gradflow.core.catalog import Architecture
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.training import TrainingPlan, cost
from gradflow.core.training.plan import find_least_record_every
from gradflow.core.training.presets import TRAINING_PRESETS, PresetRun
from gradflow.ui import state
from gradflow.ui.state import Slot
from gradflow.ui.training import address
from gradflow.ui.training.runs import SESSIONS, Claim, Session, Setup

_SETTINGS = "training_settings"
_PLAN, _PRESET, _BASE = "training_plan", "training_preset", "training_base"
_TOKEN, _URL, _PROBLEM = "training_token", "training_url", "training_problem"
_COMPARED, _STEP, _UPLOADS = "training_compared", "training_shown", "training_uploads"
_WIDGET = "training_plan"
_RUN = "run"
"""The query parameter with the token."""
_FOUND = "training_found"


def _key(name: str, of: str = _SETTINGS) -> str:
    """The key of a widget, another one whenever the page itself has changed its value.

    While a run is followed the browser asks again and again, and may do so with the old value of
    a widget that it has not drawn anew yet; that would count as a choice of its user's. Such a
    late choice still calls back, and finds no widget of the present generation.
    """
    generation: int = st.session_state.get(f"{of}_generation", 0)
    return f"{name}_{generation}"


def _renew(of: str = _SETTINGS) -> None:
    generation = f"{of}_generation"
    st.session_state[generation] = st.session_state.get(generation, 0) + 1


def slot() -> Slot:
    """Where the experiment's settings lie, and their widgets."""
    return Slot(_SETTINGS, _key("training_set") + "_")


def session() -> Session:
    """The runs of this session, which are thereby looked at."""
    streamlit_id = _streamlit_id()
    if _TOKEN not in st.session_state:
        st.session_state[_TOKEN] = SESSIONS.open(streamlit_id)
    return SESSIONS.look(st.session_state[_TOKEN], streamlit_id)


def _streamlit_id() -> str:
    context = get_script_run_ctx()
    return context.session_id if context else ""


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed.

    A session that comes without any begins with the network of Explore.
    """
    query = st.query_params.to_dict()
    known = _SETTINGS in st.session_state
    if known and (not query or query == st.session_state.get(_URL)):
        return
    if not known:
        replace(state.last_valid(), TrainingPlan())
        st.session_state[_COMPARED] = []
    if token := query.pop(_RUN, ""):
        _claim(token)
    if query:
        found = address.read(query)
        if found.preset is not None:
            load_preset(found.preset)
        else:
            replace(found.experiment, found.plan)
        complain("\n".join(found.problems))


def _claim(token: str) -> None:
    """Take over the runs of a token, unless this page has its own."""
    if _TOKEN not in st.session_state:
        claim = SESSIONS.claim(token, _streamlit_id())
        if claim is Claim.GIVEN:
            st.session_state[_TOKEN] = token
        st.session_state[_FOUND] = claim


def claimed() -> Claim | None:
    """What became of the runs that the URL asked for, until this page begins one."""
    found: Claim | None = st.session_state.get(_FOUND)
    return found


def began() -> None:
    """The page has runs of its own from here on."""
    st.session_state.pop(_FOUND, None)
    follow()


def replace(experiment: Experiment, plan: TrainingPlan | None = None) -> None:
    """Make the controls show a run; without a plan only its network and data."""
    usual = {name: Experiment.model_fields[name].default for name in address.UNUSED}
    for key in list(st.session_state):
        if str(key).startswith(slot().widgets):
            del st.session_state[key]
    _renew()
    state.replace(experiment.model_copy(update=usual), slot())
    if plan is not None:
        st.session_state[_PLAN] = dict(plan)
    st.session_state.setdefault(_PLAN, dict(TrainingPlan()))
    st.session_state.setdefault(_COMPARED, [])
    st.session_state[_PRESET], st.session_state[_PROBLEM] = None, ""


def load_preset(code: str, run: int = 0) -> None:
    """Prepare the runs of a preset; the controls show one of them."""
    one = TRAINING_PRESETS[code].runs[run]
    replace(one.experiment, one.plan)
    st.session_state[_PRESET], st.session_state[_BASE] = code, run


def preset() -> str | None:
    """The code of the preset that is prepared, if any."""
    code: str | None = st.session_state[_PRESET]
    return code


def preset_key() -> str:
    """The key of the choice of a preset, prepared to show the one in force."""
    key = _preset_key()
    st.session_state[key] = preset()
    return key


def _preset_key() -> str:
    return _key(f"{_PRESET}_{preset()}")


def preset_pressed() -> str | None:
    """The preset that was pressed; a second press on the one in force is one, too."""
    key = _preset_key()
    if key not in st.session_state:
        return None
    code: str | None = st.session_state[key] or preset()
    return code


def base_key() -> str:
    """The key of the choice of the run that the controls show, prepared to show it."""
    st.session_state[_key(f"{_BASE}_widget")] = st.session_state[_BASE]
    return _key(f"{_BASE}_widget")


def base_chosen() -> None:
    """Callback of that choice."""
    key, code = _key(f"{_BASE}_widget"), preset()
    if key in st.session_state and code is not None:
        load_preset(code, st.session_state[key])


def plan_values() -> dict[str, Any]:
    """All settings of the plan as they stand, valid or not."""
    return dict(st.session_state[_PLAN])


def plan_key(name: str) -> str:
    """The key of the widget of a field of the plan, prepared to show its value."""
    value = st.session_state[_PLAN][name]
    key = _key(f"{_WIDGET}_{name}")
    st.session_state[key] = str(value) if isinstance(value, StrEnum) else value
    return key


def plan_changed(name: str) -> None:
    """Callback of that widget; more steps than there may be records of are recorded less often."""
    key, plan = _key(f"{_WIDGET}_{name}"), st.session_state[_PLAN]
    if key not in st.session_state:
        return
    plan[name] = st.session_state[key]
    if name == "steps":
        plan["record_every"] = max(plan["record_every"], find_least_record_every(plan["steps"]))
    st.session_state[_PROBLEM] = ""


def adopt() -> None:
    """Take settings from widgets that were changed just before a press.

    A browser may send both at once, and the press calls back before the widgets are drawn.
    """
    for name, value in plan_values().items():
        if st.session_state.get(_key(f"{_WIDGET}_{name}"), value) != value:
            plan_changed(name)
    place = slot()
    values = dict(state.widget_values(place))
    chosen = values.get("architecture")
    if chosen is not None and chosen != state.value("architecture", Architecture.MLP, place):
        state.switch(Architecture(chosen), place)
        return
    for name, new in values.items():
        state.store(name, codec.parse_widths(new) if name == "widths" else new, place)


def setup() -> Setup:
    """What the settings describe; a change of a preset's settings makes a run of its own.

    Raises:
        InvalidExperiment: they are impossible together, or the run would take too much.
    """
    values = plan_values()
    if (code := preset()) is not None:
        runs = TRAINING_PRESETS[code].runs
        one = runs[st.session_state[_BASE]]
        try:
            same = _experiment() == one.experiment and _plan(values) == one.plan
        except InvalidExperiment:
            same = False
        if same:
            return Setup(code, runs)
        st.session_state[_PRESET] = None
    one = PresetRun("", _experiment(), _plan(values))
    cost.check_training_cost(one.experiment, one.plan)
    return Setup(None, (one,))


def _experiment() -> Experiment:
    return codec.from_fields(state.settings(slot()))


def _plan(values: dict[str, Any]) -> TrainingPlan:
    return TrainingPlan(**{name: values[name] for name in TrainingPlan.applicable(values)})


def settled(setup: Setup) -> None:
    """Let the URL carry the settings."""
    query = address.written(setup)
    if session().group is not None or session().kept:
        query[_RUN] = st.session_state[_TOKEN]
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def problem() -> str:
    """What was wrong with the URL or the last press, until the next setting is changed."""
    found = (st.session_state[_PROBLEM], state.url_problem(slot()))
    return "\n".join(filter(None, found))


def complain(text: str) -> None:
    """Say on the page what was wrong."""
    st.session_state[_PROBLEM] = text


def compared() -> list[str]:
    """Keys of the earlier runs that are shown beside the current ones."""
    chosen: list[str] = st.session_state[_COMPARED]
    return [key for key in chosen if key in session().kept]


def compare(keys: list[str]) -> None:
    """Show these earlier runs."""
    st.session_state[_COMPARED] = keys
    _renew(_COMPARED)


def compared_key() -> str:
    """The key of the choice of earlier runs, prepared to show it."""
    st.session_state[_key(f"{_COMPARED}_widget", _COMPARED)] = compared()
    return _key(f"{_COMPARED}_widget", _COMPARED)


def compared_chosen() -> None:
    """Callback of that choice."""
    key = _key(f"{_COMPARED}_widget", _COMPARED)
    if key in st.session_state:
        st.session_state[_COMPARED] = list(st.session_state[key])


def shown_step(steps: list[int], latest: int) -> int:
    """The step whose Flow figure is shown: the chosen one, else the latest."""
    chosen = st.session_state.setdefault(_STEP, latest)
    return chosen if chosen in steps else latest


def step_key(step: int) -> str:
    """The key of the scrubber, prepared to show a step."""
    st.session_state[_key(f"{_STEP}_widget", _STEP)] = step
    return _key(f"{_STEP}_widget", _STEP)


def step_chosen() -> None:
    """Callback of the scrubber."""
    key = _key(f"{_STEP}_widget", _STEP)
    if key in st.session_state:
        st.session_state[_STEP] = st.session_state[key]


def follow() -> None:
    """Let the scrubber begin at the latest step again."""
    st.session_state.pop(_STEP, None)
    _renew(_STEP)


def uploads_key() -> str:
    """The key of the upload widget; a new one once its files have been taken."""
    return f"{_UPLOADS}_{st.session_state.setdefault(_UPLOADS, 0)}"


def uploads_taken() -> None:
    """Empty the upload widget."""
    st.session_state[_UPLOADS] += 1
