"""No import goes round in a circle; imports for type checkers count too."""

import ast
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]


def name_module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def list_imports(path: Path, modules: Iterable[str]) -> set[str]:
    """Modules of gradflow that a file imports, also inside functions and ``if TYPE_CHECKING``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= members if members <= set(modules) else members | {str(node.module)}
    return names & set(modules)


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Names that import each other in a circle, the first one again at the end."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


FILES = {name_module(path): path for path in (ROOT / "gradflow").rglob("*.py")}
IMPORTS = {name: list_imports(path, FILES) for name, path in FILES.items()}


def test_a_circle_is_seen():
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) != []
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    assert "gradflow.core.catalog" in IMPORTS["gradflow.core.spec"]


def test_no_modules_import_each_other():
    assert find_circle(IMPORTS) == []


def test_no_packages_of_core_import_each_other():
    def find_part(module: str) -> str:
        """``gradflow.core.catalog`` for all modules of that folder."""
        return ".".join(module.split(".")[:3])

    graph: dict[str, set[str]] = {}
    for module, imported in IMPORTS.items():
        if module.startswith("gradflow.core."):
            part = find_part(module)
            graph.setdefault(part, set()).update({find_part(name) for name in imported} - {part})
    assert find_circle(graph) == []
