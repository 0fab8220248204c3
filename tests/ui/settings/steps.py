"""Settings for the page of ``test_form``."""

from pydantic import Field

from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.ui.settings.codecs import Fields, SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import WidgetValue


class Steps(Spec):
    steps: int = Field(5, ge=1, le=20, title="Steps")
    every: int = Field(1, ge=1, le=20, title="Every")


def complete(_name: str, _before: Fields, after: Fields) -> Fields:
    if after["every"] == 13:
        raise InvalidExperiment("every: unlucky", fields=("every",))
    return {**after, "every": min(after["every"], after["steps"])}


def make_seven() -> Steps:
    return Steps(steps=7)


FORM = Form("steps", SpecCodec(Steps), Steps, presets={"many": Steps(steps=20)}, complete=complete)
OTHER = Form("other", SpecCodec(Steps), make_seven)
PAGE = Page("page", {"first": FORM, "second": OTHER})
WATCHED = WidgetValue("watched", int)
