"""The part of the session that belongs to the page on training; see ``gradflow.ui.state``.

The settings are those of the next run: an experiment, as on Explore, and a plan, or a preset of
several runs. The URL carries the code of the preset, or all settings that apply. The runs
themselves lie in ``runs``; the session holds a token.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gradflow.core import codec
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.spec import shown as quoted
from gradflow.core.teaching.fields import to_query
from gradflow.core.training import TrainingPlan
from gradflow.core.training.presets import TRAINING_PRESETS, PresetRun
from gradflow.ui import state
from gradflow.ui.state import Slot
from gradflow.ui.training.runs import SESSIONS, Session, Setup

_SETTINGS = "training_settings"
UNUSED = frozenset({"learning_rate", "clip_norm", "loss_scale"})
"""Settings of an experiment that a training run takes from its plan."""
_PLAN, _PRESET, _BASE = "training_plan", "training_preset", "training_base"
_TOKEN, _URL, _PROBLEM = "training_token", "training_url", "training_problem"
_COMPARED, _STEP, _UPLOADS = "training_compared", "training_shown", "training_uploads"
_WIDGET = "training_plan"


def _key(name: str, of: str = _SETTINGS) -> str:
    """The key of a widget, another one whenever the page itself has changed its value.

    While a run is followed the browser asks again and again, and may do so with the old value of
    a widget that it has not drawn anew yet; that would count as a choice of its user's.
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
    context = get_script_run_ctx()
    streamlit_id = context.session_id if context else ""
    if _TOKEN not in st.session_state:
        st.session_state[_TOKEN] = SESSIONS.open(streamlit_id)
    return SESSIONS.look(st.session_state[_TOKEN], streamlit_id)


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
    if query:
        _take(query)


def _take(query: dict[str, str]) -> None:
    problems: list[str] = []
    code = query.pop("preset", None)
    if code is not None and code not in TRAINING_PRESETS:
        known = ", ".join(TRAINING_PRESETS)
        problems.append(f"preset: {quoted(code)} is not allowed; choose one of {known}")
        code = None
    if code is not None:
        load_preset(code)
        if query:
            found = ", ".join(quoted(name)[1:-1] for name in query)
            problems.append(f"{found}: no effect beside preset; leave preset out")
    else:
        own = {name: text for name, text in query.items() if name in TrainingPlan.model_fields}
        plan = _tolerant(own, problems)
        experiment, problem = state.tolerant({n: t for n, t in query.items() if n not in own})
        replace(experiment, plan)
        problems += [problem] if problem else []
    st.session_state[_PROBLEM] = "\n".join(problems)


def _tolerant(fields: dict[str, str], problems: list[str]) -> TrainingPlan:
    """The plan of a URL; what is impossible in it is dropped and reported."""
    while True:
        try:
            return TrainingPlan(**fields)
        except InvalidExperiment as error:
            problems.append(str(error))
            bad = set(error.fields) & set(fields)
            fields = {n: text for n, text in fields.items() if n not in bad} if bad else {}


def replace(experiment: Experiment, plan: TrainingPlan | None = None) -> None:
    """Make the controls show a run; without a plan only its network and data."""
    usual = {name: Experiment.model_fields[name].default for name in UNUSED}
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
    code: str | None = st.session_state[_preset_key()] or preset()
    return code


def base_key() -> str:
    """The key of the choice of the run that the controls show, prepared to show it."""
    st.session_state[_key(f"{_BASE}_widget")] = st.session_state[_BASE]
    return _key(f"{_BASE}_widget")


def base_chosen() -> None:
    """Callback of that choice."""
    code = preset()
    assert code is not None
    load_preset(code, st.session_state[_key(f"{_BASE}_widget")])


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
    """Callback of that widget."""
    st.session_state[_PLAN][name] = st.session_state[_key(f"{_WIDGET}_{name}")]
    st.session_state[_PROBLEM] = ""


def setup() -> Setup:
    """What the settings describe; a change of a preset's settings makes a run of its own.

    Raises:
        InvalidExperiment: they are impossible together.
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
    return Setup(None, (PresetRun("", _experiment(), _plan(values)),))


def _experiment() -> Experiment:
    return codec.from_fields(state.settings(slot()))


def _plan(values: dict[str, Any]) -> TrainingPlan:
    return TrainingPlan(**{name: values[name] for name in TrainingPlan.applicable(values)})


def settled(setup: Setup) -> None:
    """Let the URL carry the settings."""
    if setup.preset is not None:
        query = {"preset": setup.preset}
    else:
        one = setup.runs[0]
        texts, own = codec.to_query(one.experiment), to_query(one.plan)
        query = {name: text for name, text in texts.items() if name not in UNUSED}
        query |= {name: own[name] for name in TrainingPlan.applicable(dict(one.plan))}
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
    st.session_state[_COMPARED] = list(st.session_state[_key(f"{_COMPARED}_widget", _COMPARED)])


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
    st.session_state[_STEP] = st.session_state[_key(f"{_STEP}_widget", _STEP)]


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
