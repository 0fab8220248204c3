"""What the page on diagnoses keeps: the verdict that is explained."""

from __future__ import annotations

from gradflow.core.verdict import Verdict
from gradflow.ui.settings.codecs import NoSettings, SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page

PAGE = Page(
    "diagnoses",
    dict.fromkeys(Verdict, Form("diagnoses_settings", SpecCodec(NoSettings), NoSettings)),
    parameter="about",
    opening=Verdict.VANISHING,
)
