"""The session and the query parameters: nothing but ``state.py`` files touches them.

Settings live in one flat dictionary per session, and in the URL. Streamlit forgets the state of
a widget that is not drawn, so the dictionary, not the widgets, is what is kept: a widget is given
its value from there before it is drawn, and hands it back after. Streamlit's own binding of
widgets to the URL is not used, because it writes translated labels instead of stable codes and
replaces forged values silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.core import codec
from gradflow.core.catalog import Architecture
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.remedies import Ranking
from gradflow.core.text import _
from gradflow.core.verdict import Verdict
from gradflow.ui import forged
from gradflow.ui.forged import Link

_URL = "url"
_LAST_VALID = "last_valid"
_PRESET = "preset"
_LAYER = "layer"
_CURES = "cures"
_VERDICT = "verdict"


@dataclass(frozen=True)
class Slot:
    """One set of settings in the session.

    Attributes:
        key: where the settings lie.
        widgets: what the keys of their widgets begin with.
    """

    key: str
    widgets: str

    @property
    def problem(self) -> str:
        """Where a complaint about the URL lies."""
        return f"{self.key}_problem"


EXPLORE = Slot("settings", "setting_")


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    if EXPLORE.key in st.session_state and query == st.session_state.get(_URL):
        return
    if EXPLORE.key in st.session_state and not query:
        return  # another page's link, or a reset URL: keep what the user has set
    experiment, link = _made(query)
    replace(experiment)
    st.session_state[EXPLORE.problem] = "\n".join(
        filter(None, [*link.problems, left_out(link.used, experiment)])
    )


def tolerant(query: Mapping[str, str]) -> tuple[Experiment, str]:
    """The experiment of a URL; what is impossible in it is dropped and reported."""
    experiment, link = _made(query)
    return experiment, "\n".join(link.problems)


def _made(query: Mapping[str, str]) -> tuple[Experiment, Link]:
    return forged.made(codec.from_query, query, codec.list_field_names())


def left_out(query: Mapping[str, str], experiment: Experiment) -> str:
    """A sentence on settings of a URL that have no effect; empty if there are none."""
    reasons: dict[str, list[str]] = {}
    for name, owner in codec.find_without_effect(query, experiment).items():
        reason = f"{owner}={codec.to_query(experiment)[owner]}"
        reasons.setdefault(reason, []).append(f"{name}={quote_value(query[name])[1:-1]}")
    if not reasons:
        return ""
    parts = [
        _("{settings} (no effect with {reason})").format(settings=", ".join(names), reason=reason)
        for reason, names in reasons.items()
    ]
    return _("Left out of this link: {parts}; its other settings are kept.").format(
        parts="; ".join(parts)
    )


def url_problem(slot: Slot = EXPLORE) -> str:
    """What was wrong with the URL, until the next setting is changed."""
    return str(st.session_state.get(slot.problem, ""))


def replace(experiment: Experiment, slot: Slot = EXPLORE) -> None:
    """Make every control of a slot show ``experiment``."""
    replace_fields(codec.to_fields(experiment), slot)


def replace_fields(fields: dict[str, Any], slot: Slot = EXPLORE) -> None:
    """Make every control of a slot show these settings."""
    st.session_state[slot.problem] = ""
    st.session_state[slot.key] = fields
    for key in list(st.session_state):
        if str(key).startswith(slot.widgets):
            del st.session_state[key]


def value(name: str, default: Any, slot: Slot = EXPLORE) -> Any:
    """The current value of a setting."""
    return st.session_state[slot.key].get(name, default)


def settings(slot: Slot = EXPLORE) -> dict[str, Any]:
    """All settings as they stand, valid or not."""
    return dict(st.session_state[slot.key])


def widget_key(name: str, current: Any, slot: Slot = EXPLORE) -> str:
    """The key of the widget of a setting, prepared to show ``current``."""
    key = slot.widgets + name
    if key not in st.session_state:
        st.session_state[key] = current
    return key


def widget_values(slot: Slot = EXPLORE) -> list[tuple[str, Any]]:
    """Settings as their widgets say them, from before these are drawn again."""
    keys = [str(key) for key in st.session_state if str(key).startswith(slot.widgets)]
    return [(key.removeprefix(slot.widgets), st.session_state[key]) for key in keys]


def store(name: str, new: Any, slot: Slot = EXPLORE) -> None:
    """Keep what a widget says."""
    if st.session_state[slot.key].get(name) != new:
        st.session_state[slot.key][name] = new
        st.session_state[slot.problem] = ""


def switch(architecture: Architecture, slot: Slot = EXPLORE) -> None:
    """Make the settings those of another kind of network; back again, its own come back."""
    old = settings(slot)
    st.session_state[f"{slot.key}_{old.get('architecture', Architecture.MLP)}"] = old
    kept = st.session_state.get(f"{slot.key}_{architecture}")
    if kept is None:
        replace_fields(codec.switch_architecture(old, architecture), slot)
        return
    shared = {n: v for n, v in old.items() if n in Experiment.model_fields or n == "batch_size"}
    replace_fields(codec.switch_architecture(kept | shared, architecture), slot)


def settled(experiment: Experiment) -> None:
    """Remember a valid experiment, and let the URL carry it."""
    st.session_state[_LAST_VALID] = experiment
    query = codec.to_query(experiment)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def last_valid() -> Experiment:
    """The last experiment that could be run."""
    from gradflow.ui.explore.state import EXPLORE as form  # noqa: PLC0415

    return form.read_last_valid()


def preset() -> str | None:
    """The code of the preset whose settings are the current ones, if any."""
    try:
        current = codec.from_fields(settings())
    except InvalidExperiment:
        return None
    return next((code for code, p in PRESETS.items() if p.experiment == current), None)


def preset_key() -> str:
    """The key of the preset widget, prepared to show the preset in force."""
    st.session_state[_PRESET] = preset()
    return _PRESET


def load_preset() -> None:
    """Callback of the preset widget."""
    if code := st.session_state[_PRESET]:
        replace(PRESETS[code].experiment)


def layer_key(layers: int) -> str:
    """The key of the layer widget, prepared for a network of so many layers."""
    st.session_state[_LAYER] = chosen_layer(layers) or 1
    return _LAYER


def chosen_layer(layers: int) -> int | None:
    """The layer that was chosen last, if any, in a network of so many layers."""
    layer = st.session_state.get(_LAYER)
    return None if layer is None else min(int(layer), layers)


def layer_clicked(figure_key: str) -> None:
    """Callback of the Flow figure: show the layer that was clicked."""
    points = st.session_state[figure_key]["selection"]["points"]
    if points:
        chosen = points[0]["customdata"]
        st.session_state[_LAYER] = int(chosen[0] if isinstance(chosen, list) else chosen)


def keep_cures(experiment: Experiment, ranking: Ranking) -> None:
    """Remember what the cures did for an experiment; only the last one's are kept."""
    st.session_state[_CURES] = (codec.to_query(experiment), ranking)


def kept_cures(experiment: Experiment) -> Ranking | None:
    """What the cures did for this experiment, if they were tried on it last."""
    query, ranking = st.session_state.get(_CURES, (None, None))
    return ranking if query == codec.to_query(experiment) else None


def verdict_key() -> str:
    """The key of the choice of a verdict on the page of diagnoses; the URL has the last word."""
    asked = about() or str(st.session_state.get(_VERDICT))
    st.session_state[_VERDICT] = Verdict(asked) if asked in set(Verdict) else Verdict.VANISHING
    return _VERDICT


def about() -> str:
    """What verdict the URL asks for, if any; it may be forged."""
    return str(st.query_params.get("about", ""))


def verdict_chosen() -> None:
    """Callback of that choice."""
    st.query_params["about"] = str(st.session_state[_VERDICT])
