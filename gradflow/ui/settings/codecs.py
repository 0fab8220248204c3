"""How settings become flat values, which widgets edit, and texts, which a URL carries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from gradflow.core import codec
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import to_query
from gradflow.core.text import Text, join_texts

Fields = Mapping[str, Any]
S = TypeVar("S")
P = TypeVar("P", bound=Spec)


class Codec(Protocol[S]):
    """A kind of settings."""

    def list_names(self) -> Collection[str]:
        """List the names of all settings, whether they apply or not."""

    def list_specs(self, values: Fields, /) -> tuple[type[Spec], ...]:
        """List the specs whose fields the settings are, in order."""

    def to_fields(self, settings: S) -> dict[str, Any]:
        """Write settings as flat values."""

    def from_fields(self, values: Fields) -> S:
        """Make settings from those values that apply.

        Raises:
            InvalidExperiment: the values are impossible, alone or together.
        """

    def to_query(self, settings: S) -> dict[str, str]:
        """Write those settings that apply as URL parameters."""

    def from_query(self, texts: Mapping[str, str]) -> S:
        """Make settings from URL parameters; missing ones take their defaults.

        Raises:
            InvalidExperiment: one of them is impossible.
        """

    def describe_unused(self, texts: Mapping[str, str], settings: S, /) -> Text | str:
        """Say which of the parameters have no effect on these settings; may be empty."""


class NoSettings(Spec):
    """The settings of a view that shows what it shows as it is."""


@dataclass(frozen=True)
class SpecCodec(Generic[P]):
    """Settings that are one spec.

    Attributes:
        spec: its class.
        to_texts: writes its fields as the URL has them.
        shown: the only fields that the page writes into the URL; ``None``: all.
    """

    spec: type[P]
    to_texts: Callable[[Spec], Mapping[str, str]] = to_query
    shown: Collection[str] | None = None

    def list_names(self) -> Collection[str]:
        """List the names of the spec's fields."""
        return list(self.spec.model_fields)

    def list_specs(self, _values: Fields, /) -> tuple[type[Spec], ...]:
        """List the one spec."""
        return (self.spec,)

    def to_fields(self, settings: P) -> dict[str, Any]:
        """Write all fields, whether they apply or not."""
        return dict(settings)

    def from_fields(self, values: Fields) -> P:
        """Make the spec from those values that apply."""
        applicable = self.spec.list_applicable(values)
        return self.spec(**{name: values[name] for name in applicable if name in values})

    def to_query(self, settings: P) -> dict[str, str]:
        """Write those shown fields that apply as URL parameters."""
        texts, shown = self.to_texts(settings), self.shown
        return {
            name: texts[name]
            for name in self.spec.list_applicable(dict(settings))
            if name in texts and (shown is None or name in shown)
        }

    def from_query(self, texts: Mapping[str, str]) -> P:
        """Make the spec from URL parameters."""
        return self.spec(**texts)

    def describe_unused(self, _texts: Mapping[str, str], _settings: P, /) -> Text | str:
        """Say nothing: the spec itself refuses what has no effect."""
        return ""


class ExperimentCodec:
    """Settings that are an ``Experiment``."""

    def list_names(self) -> Collection[str]:
        """List the names of all settings of all architectures."""
        return codec.list_field_names()

    def list_specs(self, values: Fields, /) -> tuple[type[Spec], ...]:
        """List the specs of the network, the data and the experiment."""
        try:
            return codec.find_network(values), Data, Experiment
        except InvalidExperiment:  # a forged architecture
            return MLP, Data, Experiment

    def to_fields(self, settings: Experiment) -> dict[str, Any]:
        """Write all settings that apply."""
        return codec.to_fields(settings)

    def from_fields(self, values: Fields) -> Experiment:
        """Make the experiment from those values that apply."""
        return codec.from_fields(values)

    def to_query(self, settings: Experiment) -> dict[str, str]:
        """Write all settings that apply as URL parameters."""
        return codec.to_query(settings)

    def from_query(self, texts: Mapping[str, str]) -> Experiment:
        """Make the experiment from URL parameters."""
        return codec.from_query(texts)

    def describe_unused(self, texts: Mapping[str, str], settings: Experiment, /) -> Text | str:
        """Say which parameters have no effect, and the setting that makes it so."""
        reasons: dict[str, list[str]] = {}
        for name, owner in codec.find_without_effect(texts, settings).items():
            reason = f"{owner}={codec.to_query(settings)[owner]}"
            reasons.setdefault(reason, []).append(f"{name}={quote_value(texts[name])[1:-1]}")
        if not reasons:
            return ""
        parts = [
            Text("{settings} (no effect with {reason})", settings=", ".join(names), reason=reason)
            for reason, names in reasons.items()
        ]
        return Text(
            "Left out of this link: {parts}; its other settings are kept.",
            parts=join_texts(*parts, separator="; "),
        )


EXPERIMENTS = ExperimentCodec()
