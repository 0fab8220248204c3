"""A form: one set of settings in the session, edited by widgets.

A value goes from a widget (its key in the session) to the form's flat ``values`` by the widget's
callback, and from there to the spec by ``read``. Streamlit forgets a widget that is not drawn, so
the values, not the widgets, are what is kept; they may be impossible while they are edited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from pydantic.fields import FieldInfo

from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec, find_owners
from gradflow.core.text import Text, _
from gradflow.ui.settings.codecs import Codec, Fields, P, SpecCodec
from gradflow.ui.settings.link import Link
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget

S = TypeVar("S")
Problems = tuple[Text | str, ...]


@dataclass(frozen=True)
class Conversion:
    """How a widget shows a value of another type than the field's.

    Attributes:
        to_widget: from the field's value to the widget's.
        from_widget: from the widget's value, and the field's so far, to the field's.
    """

    to_widget: Callable[[Any], Any] = lambda value: value
    from_widget: Callable[[Any, Any], Any] = lambda shown, current: shown


def convert_entry(index: int) -> Conversion:
    """Convert between a field of several numbers and a widget that edits one of them."""

    def replace_entry(shown: Any, current: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*current[:index], shown, *current[index + 1 :])

    return Conversion(lambda value: value[index], replace_entry)


@dataclass(frozen=True)
class Form(Generic[S]):
    """A set of settings in the session.

    Attributes:
        key: its name in the session; the widget of a field has the key ``KEY_FIELD``.
        codec: what kind of settings they are.
        make_default: what a new session has, and what a reset goes back to.
        presets: settings to start from, by code.
        complete: ``(name, before, after) → values``: called when the setting ``name`` was changed
            by its widget, returns ``after`` with what else changes with it. If it raises
            ``InvalidExperiment``, the change is not taken and the widget goes back.
        follow: called in the callback of a widget after it changed settings; the argument says
            whether widgets besides that one have to be drawn again.
        renewed: whether widgets get new keys when their values change otherwise than by their own
            hand: other settings are loaded, or change with another one. Needed where a browser asks
            again and again by itself: it may still send the old value of a widget, which would
            count as a choice of its user's.
    """

    key: str
    codec: Codec[S]
    make_default: Callable[[], S]
    presets: Mapping[str, S] = field(default_factory=dict)
    complete: Callable[[str, Fields, Fields], Fields] | None = None
    follow: Callable[[bool], None] | None = None
    renewed: bool = False

    # --- the settings -------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """All settings as they stand, possible or not."""
        return dict(self._values.get())

    def read(self, shared: Fields | None = None) -> S:
        """Make the settings that the values describe, and remember them as the last valid ones.

        Args:
            shared: values that take the place of the form's own.

        Raises:
            InvalidExperiment: the values are impossible together.
        """
        settings = self.codec.from_fields(self.values | dict(shared or {}))
        self._last_valid.set(settings)
        return settings

    @property
    def is_set(self) -> bool:
        """Whether this session has settings already: of a link, another page or a widget."""
        return self._values.is_set()

    def read_last_valid(self) -> S:
        """The settings that were read last, or those of a new session."""
        return self._last_valid.get()

    def read_possible(self) -> tuple[S, str]:
        """Read the settings, or the last valid ones where the values are impossible.

        Returns:
            The settings, and what is wrong: with the values, or with the link they come from.
        """
        try:
            return self.read(), self.problem
        except InvalidExperiment as error:
            instead = _("What you see below is the last valid setting.")
            return self.read_last_valid(), f"{error}\n{instead}"

    def replace(self, settings: S) -> None:
        """Make every widget show these settings."""
        self.replace_values(self.codec.to_fields(settings))
        self._last_valid.set(settings)

    def replace_values(self, values: Fields) -> None:
        """Make every widget show these values."""
        self._values.set(dict(values))
        self._problems.set(())
        if self.renewed:
            self._renew("")

    def reset(self) -> None:
        """Go back to the settings of a new session."""
        self.replace(self.make_default())

    def load_link(self, link: Link[S]) -> None:
        """Take the settings of a link; its problems are shown until a setting is changed."""
        self.replace(link.settings)
        self.complain(*link.problems)

    def complain(self, *problems: Text | str) -> None:
        """Set what ``problem`` says; without arguments nothing is wrong any more."""
        self._problems.set(problems)

    @property
    def problem(self) -> str:
        """What was wrong with the link, one problem a line; empty once a setting is changed."""
        return "\n".join(map(str, self._problems.get()))

    # --- presets ------------------------------------------------------------------------------

    @property
    def preset(self) -> str | None:
        """The code of the preset whose settings are the current ones."""
        try:
            current = self.codec.from_fields(self.values)
        except InvalidExperiment:
            return None
        presets = self.presets.items()
        return next((code for code, preset in presets if self.is_preset(preset, current)), None)

    def is_preset(self, preset: S, settings: S) -> bool:
        """Whether settings count as those of a preset; a page may compare a part of them."""
        return settings == preset

    def load_preset(self, code: str) -> None:
        """Take the settings of a preset; a page may keep a part of its own."""
        self.replace(self.presets[code])

    def bind_preset(self) -> dict[str, Any]:
        """Prepare the choice of a preset: the arguments that connect its widget."""
        key = self._find_preset_key()
        show_in_widget(key, self.preset)
        return {"key": key, "on_change": self._take_preset, "args": (key,)}

    def _take_preset(self, key: str) -> None:
        if key != self._find_preset_key():
            return  # a late answer, as in ``_take``
        if code := read_widget(key):
            self.take_preset(code)

    def _find_preset_key(self) -> str:
        """Find the key of the choice of a preset, another one once another preset is in force."""
        return self.find_widget_key(f"preset_{self.preset}" if self.renewed else "preset")

    def take_preset(self, code: str) -> None:
        """Take a preset in the callback of what chose it."""
        self.load_preset(code)
        if self.follow is not None:
            self.follow(True)

    # --- widgets ------------------------------------------------------------------------------

    def find_spec(self, name: str) -> type[Spec] | None:
        """Find the spec that has a field of this name."""
        specs = self.codec.list_specs(self.values)
        return next((spec for spec in specs if name in spec.model_fields), None)

    def find_field(self, name: str) -> FieldInfo:
        """Find a field that the settings have."""
        spec = self.find_spec(name)
        assert spec is not None, name
        return spec.model_fields[name]

    def applies(self, name: str, changes: Fields | None = None) -> bool:
        """Whether a setting of this name exists and has an effect, perhaps after changes."""
        spec = self.find_spec(name)
        return spec is not None and spec.applies(name, self.values | dict(changes or {}))

    def find_owner(self, name: str) -> str | None:
        """Find the choice that a setting depends on, if it depends on one."""
        spec = self.find_spec(name)
        return find_owners(spec).get(name) if spec else None

    def list_dependents(self, name: str) -> list[str]:
        """List the settings that depend on a choice, whether they apply or not."""
        spec = self.find_spec(name)
        if spec is None:
            return []
        return [n for n in spec.model_fields if find_owners(spec).get(n) == name]

    def read_value(self, name: str) -> Any:
        """Read the current value of a setting, or its default."""
        default = self.find_field(name).default
        return self._values.get().get(name, default)

    def bind(
        self, name: str, conversion: Conversion | None = None, *, part: str = "", label: str = ""
    ) -> dict[str, Any]:
        """Prepare the widget of a field: label, help, key, and what connects it to the form.

        Args:
            name: the field.
            conversion: how the widget shows the value.
            part: what the widget edits of the field, if several share it.
            label: of the widget, instead of the field's title.
        """
        info, conversion = self.find_field(name), conversion or Conversion()
        key = self.find_widget_key(name + part)
        show_in_widget(key, simplify_value(conversion.to_widget(self.read_value(name))))
        return {
            "label": label or _(info.title or name),
            "help": _(info.description or ""),
            "key": key,
            "on_change": self._take,
            "args": (name, part, key, conversion),
        }

    def find_widget_key(self, name: str) -> str:
        """Find the key that the widget of a field has now."""
        counts = self._generations.get()
        generation = counts.get("", 0) + counts.get(name, 0)
        return f"{self.key}_{name}_{generation}" if generation else f"{self.key}_{name}"

    def _renew(self, *names: str) -> None:
        """Give the widgets of these fields new keys; all of them if a name is empty."""
        counts = self._generations.get()
        self._generations.set(counts | {name: counts.get(name, 0) + 1 for name in names})

    def _take(self, name: str, part: str, key: str, conversion: Conversion) -> None:
        if key != self.find_widget_key(name + part):
            return  # a late answer of a widget that other settings have replaced meanwhile
        self.take({name: conversion.from_widget(read_widget(key), self.read_value(name))})

    def take(self, changes: Fields) -> None:
        """Change settings, one after the other, in the callback of their widget."""
        before, preset = self.values, self.preset
        for name, new in changes.items():
            self.change(name, new)
        if self.follow is None:
            return
        others = {n for n, v in self.values.items() if n not in changes and before.get(n) != v}
        numbers_only = all(type(value) in (int, float) for value in changes.values())
        self.follow(not numbers_only or bool(others) or self.preset != preset)

    def change(self, name: str, new: Any) -> None:
        """Change one setting, and what hangs on it, as its widget does."""
        before = self.values
        after: Fields = before | {name: new}
        if self.complete is not None:
            try:
                after = self.complete(name, before, after)
            except InvalidExperiment:
                return
        self._values.set(dict(after))
        self._problems.set(())
        if self.renewed:
            self._renew(*(n for n in after if n != name and after[n] != before.get(n)))

    # --- places in the session ----------------------------------------------------------------

    @property
    def _values(self) -> SessionValue[dict[str, Any]]:
        return SessionValue(self.key, lambda: self.codec.to_fields(self.make_default()))

    @property
    def _last_valid(self) -> SessionValue[S]:
        return SessionValue(f"{self.key}:last_valid", self.make_default)

    @property
    def _problems(self) -> SessionValue[Problems]:
        return SessionValue(f"{self.key}:problems", tuple)

    @property
    def _generations(self) -> SessionValue[dict[str, int]]:
        """How often the widgets of each field were renewed; under an empty name, all at once."""
        return SessionValue(f"{self.key}:generations", dict)


def make_form(
    key: str, spec: type[P], complete: Callable[[str, Fields, Fields], Fields] | None = None
) -> Form[P]:
    """Make a form for one spec, which opens with the spec's defaults.

    Args:
        key: the form's name in the session.
        spec: its class.
        complete: see ``Form``.
    """
    return Form(key, SpecCodec(spec), spec, complete=complete)


def simplify_value(value: Any) -> Any:
    """Write a value as widgets hold it: codes of options, and lists instead of tuples."""
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value
