"""Long texts exist, and pages stay thin."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))


def test_every_explanation_exists() -> None:
    used = re.findall(r'explain\("(\w+)"\)', (ROOT / "gradflow/ui/explore/report.py").read_text())
    assert used
    for name in used:
        assert (ROOT / f"gradflow/ui/text/en/{name}.md").stat().st_size > 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_are_thin(page: Path) -> None:
    source = page.read_text()
    assert len(source.splitlines()) <= 80
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"torch", "plotly", "numpy"}


@pytest.mark.parametrize(
    ("word", "homes"),
    [
        ("session_state", {"state.py", "widgets.py"}),  # and what guards what browsers send
        ("st.cache_", set()),  # results are shared: gradflow/ui/memo.py
        ("@remember", {"compute.py"}),
        (" Memo(", {"memo.py", "long_work.py"}),
    ],
)
def test_state_and_caches_live_in_files_of_their_own(word: str, homes: set[str]) -> None:
    files = [*(ROOT / "gradflow").rglob("*.py"), *PAGES]
    used = re.compile(rf'^[^#"]*{re.escape(word)}', re.MULTILINE)
    users = {file.name for file in files if used.search(file.read_text())}
    assert users <= homes
