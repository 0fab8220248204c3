"""The language of a session, in all that the session runs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gradflow.core.text import LANGUAGE, read_in
from gradflow.ui import blocks
from gradflow.ui.language import keep_language
from tests.pseudo_locale import PSEUDO

UI = Path(__file__).parents[2] / "gradflow" / "ui"


def test_a_function_keeps_the_language_in_another_thread() -> None:
    with read_in(PSEUDO):
        read = keep_language(LANGUAGE.get)
    with ThreadPoolExecutor(1) as threads:
        assert [threads.submit(f).result() for f in (read, LANGUAGE.get)] == [PSEUDO, "en"]
    assert (read(), LANGUAGE.get()) == (PSEUDO, "en")


@pytest.mark.parametrize("word", ["st.fragment(", "st.download_button("])
def test_what_runs_without_the_script_keeps_its_language(word: str) -> None:
    """Both are made in one place each, which sees to it."""
    files = [file for file in UI.rglob("*.py") if word in file.read_text(encoding="utf-8")]
    assert len(files) == 1
    assert "keep_language(" in files[0].read_text(encoding="utf-8")


def test_long_texts_come_in_the_language_of_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language, name in (("en", "both"), ("en", "one"), (PSEUDO, "both")):
        (tmp_path / language).mkdir(exist_ok=True)
        (tmp_path / language / f"{name}.md").write_text(f"{name} in {language}")
    monkeypatch.setattr(blocks, "_TEXTS", tmp_path)
    assert blocks.read_text("both") == "both in en"
    with read_in(PSEUDO):
        assert blocks.read_text("both") == f"both in {PSEUDO}"
        assert blocks.read_text("one") == "one in en"
