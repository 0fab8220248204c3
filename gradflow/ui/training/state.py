"""What the page on training keeps: the settings of the next run, and what is shown of runs.

The URL carries the code of a preset, or all settings that apply. The runs themselves lie in
``runs``; the session holds a token, and so does the URL once there is a run, so that a page that
is loaded anew finds it.
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.text import Text
from gradflow.core.training import TrainingPlan, cost
from gradflow.core.training.plan import find_least_record_every
from gradflow.core.training.presets import TRAINING_PRESETS, PresetRun
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.codecs import Fields
from gradflow.ui.settings.experiments import remember_architectures
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.link import join_names, parse_link
from gradflow.ui.settings.page import Address
from gradflow.ui.settings.state import SessionValue, WidgetValue, read_widget, show_in_widget
from gradflow.ui.training.codec import RunCodec, RunSettings, select_experiment
from gradflow.ui.training.compute import EXAMPLE
from gradflow.ui.training.groups import Opening, Setup
from gradflow.ui.training.sessions import SESSIONS, Session, TokenClaim

_switch_architecture = remember_architectures("training:architectures")


def complete_run(name: str, before: Fields, after: Fields) -> Fields:
    """Complete a change: more steps are recorded less often, an architecture brings its own."""
    if name == "steps":
        record_every = max(after["record_every"], find_least_record_every(after["steps"]))
        return {**after, "record_every": record_every}
    if name in TrainingPlan.model_fields:
        return after
    own = _switch_architecture(name, select_experiment(before), select_experiment(after))
    return {**own, **{n: value for n, value in after.items() if n in TrainingPlan.model_fields}}


FORM = Form(
    "training_set",
    RunCodec(),
    lambda: RunSettings(EXPLORE.read_last_valid(), TrainingPlan()),
    complete=complete_run,
    renewed=True,
)
COMPARED: WidgetValue[list[str]] = WidgetValue("training_compared", list)
"""Keys of the earlier runs that are shown beside the current ones."""
UPLOADS: SessionValue[int] = SessionValue("training_uploads", int)
"""How many uploads were taken; the upload widget is a new one after each."""
OPENING: SessionValue[Opening | None] = SessionValue("training_opening", lambda: None)
"""What is shown until the page has runs of its own."""
_ADDRESS = Address("training")
_PRESET: SessionValue[tuple[str, int] | None] = SessionValue("training_preset", lambda: None)
"""The preset that is prepared, and which of its runs the controls show."""
_TOKEN: SessionValue[str] = SessionValue("training_token", lambda: SESSIONS.open(_read_id()))
_CLAIM: SessionValue[TokenClaim | None] = SessionValue("training_claim", lambda: None)


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = _ADDRESS.read_change(["run", "preset", *FORM.codec.list_names()])
    if query is None:
        return
    OPENING.set(None)
    if not query and EXPLORE.read_last_valid() == EXPLORE.make_default():
        load_preset(EXAMPLE)  # there is no network that anybody has chosen
    if token := query.pop("run", ""):
        _claim_runs(token)
    code = query.pop("preset", None)
    if code in TRAINING_PRESETS:
        load_preset(code)
        if query:
            names = join_names(query)
            FORM.complain(Text("{names}: no effect beside preset; leave preset out", names=names))
        return
    problems = []
    if code is not None:
        allowed = Text("one of {codes}", codes=", ".join(TRAINING_PRESETS))
        problems.append(InvalidExperiment.for_value("preset", code, allowed).message)
    if query:
        link = parse_link(FORM.codec, query)
        prepare_run(link.settings.experiment, link.settings.plan)
        problems += link.problems
    FORM.complain(*problems)


# --- the settings ------------------------------------------------------------------------------


def prepare_run(experiment: Experiment, plan: TrainingPlan | None = None) -> None:
    """Make the controls show a run; without a plan the one they show stays."""
    values = FORM.codec.to_fields(RunSettings(experiment, plan or TrainingPlan()))
    if plan is None:
        own = FORM.values
        values |= {name: own[name] for name in TrainingPlan.model_fields}
    FORM.replace_values(values)
    _PRESET.set(None)


def load_preset(code: str, run: int = 0) -> None:
    """Prepare the runs of a preset; the controls show one of them."""
    preset_run = TRAINING_PRESETS[code].runs[run]
    prepare_run(preset_run.experiment, preset_run.plan)
    _PRESET.set((code, run))


def leave_preset() -> None:
    """Make the settings in the controls those of a run of its own."""
    _PRESET.set(None)


def find_preset() -> str | None:
    """Find the code of the preset that is prepared, if any."""
    preset = _PRESET.get()
    return preset[0] if preset else None


def bind_preset_run() -> dict[str, Any]:
    """Prepare the choice of which of a preset's runs the controls show."""
    preset = _PRESET.get()
    assert preset is not None
    code, run = preset
    key = FORM.find_widget_key("preset_run")
    show_in_widget(key, run)

    def choose() -> None:
        if key == FORM.find_widget_key("preset_run"):
            load_preset(code, read_widget(key))

    return {"key": key, "on_change": choose}


def make_setup() -> Setup:
    """Make what the settings describe; changed settings of a preset make a run of its own.

    Raises:
        InvalidExperiment: they are impossible together, or the run would take too much.
    """
    preset = _PRESET.get()
    _PRESET.set(None)
    settings = FORM.read()
    if preset is not None:
        code, run = preset
        runs = TRAINING_PRESETS[code].runs
        if settings == RunSettings(runs[run].experiment, runs[run].plan):
            _PRESET.set(preset)
            return Setup(code, runs)
    cost.check_training_cost(settings.experiment, settings.plan)
    return Setup(None, (PresetRun("", settings.experiment, settings.plan),))


def sync_url(setup: Setup) -> None:
    """Make the URL carry the settings, and the token once there are runs."""
    run = setup.runs[0]
    query = {"preset": setup.preset} if setup.preset is not None else None
    if query is None:
        query = FORM.codec.to_query(RunSettings(run.experiment, run.plan))
    session = open_session()
    if session.group is not None or session.earlier:
        query["run"] = _TOKEN.get()
    _ADDRESS.write(query)


# --- runs --------------------------------------------------------------------------------------


def open_session() -> Session:
    """Open the runs of this session, which thereby count as looked at."""
    return SESSIONS.look(_TOKEN.get(), _read_id())


def _read_id() -> str:
    context = get_script_run_ctx()
    return context.session_id if context else ""


def _claim_runs(token: str) -> None:
    """Take over the runs of a token, unless this page has its own."""
    if not _TOKEN.is_set():
        claim = SESSIONS.claim(token, _read_id())
        if claim is TokenClaim.GIVEN:
            _TOKEN.set(token)
        _CLAIM.set(claim)


def read_claim() -> TokenClaim | None:
    """Read whether the runs that the URL asked for were found, until this page begins one."""
    return _CLAIM.get()


def begin_own_runs() -> None:
    """Forget what the URL asked for: the page has runs of its own from here on."""
    _CLAIM.set(None)


def list_compared() -> list[str]:
    """List the keys of the earlier runs that are shown beside the current ones."""
    earlier = open_session().earlier
    return [key for key in COMPARED.get() if key in earlier]
