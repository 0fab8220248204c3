"""Rules on texts that hold for all of the code: nothing is translated before it is read."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gradflow as gf
from gradflow.core.text import read_in
from tests.pseudo_locale import PSEUDO, install

PACKAGE = Path(__file__).parents[2] / "gradflow"

FILES = sorted(PACKAGE.rglob("*.py"))
CORE_FILES = [file for file in FILES if file.is_relative_to(PACKAGE / "core")]
SCRIPT = PACKAGE / "ui" / "main.py"
"""Run anew for every reader, so that its top level is no import time."""


def name_file(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def walk_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a module is imported: all but the bodies of functions."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        children: list[ast.AST] = [*node.decorator_list, *node.args.defaults]
        children += [default for default in node.args.kw_defaults if default]
    elif isinstance(node, ast.Lambda):
        children = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from walk_import_time(child)


def is_call_of(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


@pytest.mark.parametrize("file", [file for file in FILES if file != SCRIPT], ids=name_file)
def test_nothing_is_translated_at_import_time(file: Path) -> None:
    """Strings in tables are marked by ``N_`` instead."""
    assert [n.lineno for n in walk_import_time(parse(file)) if is_call_of(n, "_")] == []


def test_no_text_is_rendered_when_everything_is_imported() -> None:
    """Neither by ``_`` nor by a ``Text``, whatever function does it."""
    program = """
import pkgutil, importlib
import gradflow
from gradflow.core import text
def refuse(language):
    raise AssertionError("rendered at import time")
text.load_catalogue = refuse
for module in pkgutil.walk_packages(gradflow.__path__, "gradflow."):
    if module.name != "gradflow.ui.main":
        importlib.import_module(module.name)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PACKAGE.parent)


def list_properties(file: Path) -> set[ast.AST]:
    """All nodes inside a property, which runs when a value is read."""
    return {
        node
        for function in ast.walk(parse(file))
        if isinstance(function, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "property" for d in function.decorator_list)
        for node in ast.walk(function)
    }


@pytest.mark.parametrize("file", CORE_FILES, ids=name_file)
def test_core_translates_only_what_is_being_read(file: Path) -> None:
    """It returns and keeps ``Text``; ``_`` stands in properties only."""
    if file.name == "text.py":
        return
    calls = [node for node in ast.walk(parse(file)) if is_call_of(node, "_")]
    computed = [node.lineno for node in calls if node not in list_properties(file)]
    assert computed == []


@cache
def list_error_classes() -> frozenset[str]:
    """``GradflowError`` and all classes below it, by name."""
    classes = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for file in FILES
        for node in ast.walk(parse(file))
        if isinstance(node, ast.ClassDef)
    }
    errors = {"GradflowError"}
    while more := {name for name, bases in classes.items() if bases & errors} - errors:
        errors |= more
    return frozenset(errors)


@cache
def list_functions_returning_texts() -> frozenset[str]:
    """All functions and methods that are annotated so, by name."""
    return frozenset(
        node.name
        for file in FILES
        for node in ast.walk(parse(file))
        if isinstance(node, ast.FunctionDef) and is_text_annotation(node.returns)
    )


def is_text_annotation(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Name) and node.id == "Text"


def is_text(node: ast.AST | None, scope: ast.AST) -> bool:
    """Whether ``node``, an expression in the function ``scope``, is a ``Text`` for certain."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name == "Text" or name in list_functions_returning_texts()
        case ast.IfExp(body=body, orelse=other):
            return is_text(body, scope) and is_text(other, scope)
        case ast.Subscript(value=ast.Attribute(attr="args")):  # of another error
            return True
        case ast.Name(id=name):
            stored = list(list_stored(name, scope))
            return bool(stored) and all(stored)
        case _other:
            return False


def list_stored(name: str, scope: ast.AST) -> Iterator[bool]:
    """Say of each thing that a function stores under a name whether it is a ``Text``."""
    for node in ast.walk(scope):
        match node:
            case ast.arg(arg=stored, annotation=annotation) if stored == name:
                yield is_text_annotation(annotation)
            case ast.AnnAssign(target=ast.Name(id=stored), annotation=annotation):
                if stored == name:
                    yield is_text_annotation(annotation)
            case ast.Assign(targets=[ast.Name(id=stored)], value=value) if stored == name:
                yield is_text(value, scope)
            case ast.AugAssign(target=ast.Name(id=stored)) if stored == name:
                yield False


def get_name(function: ast.AST) -> str:
    """Return the name of what is called: of a function, a method or a class."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def list_untranslatable_errors(file: Path) -> list[str]:
    """List the errors, by line, that have something else than a ``Text`` as their message."""
    module, problems = parse(file), []
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for node in ast.walk(module):
        if isinstance(node, ast.Raise) and get_name(node.exc or module) in list_error_classes():
            problems.append(f"{node.lineno}: it has no message")
        elif isinstance(node, ast.Call) and get_name(node.func) in list_error_classes():
            # ast.walk goes from the outer functions to the inner ones.
            scopes = [f for f in functions if f.lineno <= node.lineno <= (f.end_lineno or 0)]
            message = node.args[0] if node.args else None
            if not is_text(message, scopes[-1] if scopes else module):
                problems.append(f"{node.lineno}: {ast.unparse(node)[:80]}")
    return problems


SENTENCE = re.compile(r"[A-Za-z]{2,} | [A-Za-z]{2,}")


def list_unmarked_words(file: Path) -> list[str]:
    """List words, by line, that an error quotes in its message as they are: "one of …", say."""
    errors = [
        node.exc if isinstance(node, ast.Raise) else node
        for node in ast.walk(parse(file))
        if (isinstance(node, ast.Raise) and not is_builtin(node.exc))
        or (isinstance(node, ast.Call) and get_name(node.func) in list_error_classes())
        or (isinstance(node, ast.Call) and get_name(node.func) == "for_value")
    ]
    words = {word for error in errors if error for word in walk_words(error)}
    return [f"{word.lineno}: {word.value}" for word in words]


def is_builtin(error: ast.AST | None) -> bool:
    """Whether an error is one of Python's own, which no user sees."""
    return isinstance(error, ast.Call) and hasattr(builtins, get_name(error.func))


def walk_words(node: ast.AST) -> Iterator[ast.Constant]:
    """Walk the strings in an expression that read like words and are no template of a ``Text``."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and SENTENCE.search(node.value):
            yield node
        return
    template = node.args[:1] if is_call_of(node, "Text", "N_") else []
    for child in ast.iter_child_nodes(node):
        if child not in template:
            yield from walk_words(child)


@pytest.mark.parametrize("file", CORE_FILES, ids=name_file)
def test_every_error_of_core_has_a_text(file: Path) -> None:
    assert list_untranslatable_errors(file) == []
    assert list_unmarked_words(file) == []


def test_the_rule_on_errors_sees_strings(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "def refuse(text: Text, name: str) -> None:\n"
        "    said = f'{name} is wrong'\n"
        "    raise InvalidExperiment('plain', fields=('a',))\n"
        "    raise ProbeError(f'{name}')\n"
        "    raise errors.InvalidReport(said)\n"
        "    raise GradflowError\n"
        "    raise GradflowError(_('now'))\n"
        "    raise InvalidExperiment(text, fields=('a',))\n"
        "    raise InvalidExperiment(name_layers([1]))\n"
        "    raise InvalidExperiment.for_value(name, 1, ', '.join(names))\n"
        "    raise ProbeError(Text('{n}', n=1) if name else join_texts(text, text))\n"
        "    raise ProbeError(error.args[0])\n"
        "    raise ValueError('no user sees this')\n"
        "    raise InvalidExperiment.for_value(name, 1, 'a number')\n"
        "    raise refuse(name, f'one of {name}')\n"
        "    raise InvalidReport(Text('the {what}', what='whole file'))\n"
        "    raise InvalidReport(Text('the {what}', what=Text('whole file')))\n"
    )
    errors, words = list_untranslatable_errors(file), list_unmarked_words(file)
    assert sorted(int(problem.split(":")[0]) for problem in errors) == [3, 4, 5, 6, 7]
    assert sorted(int(problem.split(":")[0]) for problem in words) == [14, 15, 16]


def test_real_errors_are_read_in_the_language_of_who_catches_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch)
    report = gf.run(gf.Experiment(network=gf.MLP(depth=2, width=4)))
    for provoke in (
        lambda: gf.MLP(depth=0),
        lambda: gf.MLP(activation="unheard-of"),
        lambda: gf.MLP(widths=(3, 4), depth=5),
        lambda: gf.MLP(depths=3),
        lambda: gf.Report.from_json("{"),
        lambda: report.histogram("delta", 99),
        lambda: gf.TrainingPlan(steps=-1),
        lambda: gf.Recurrent(cell="unheard-of"),
    ):
        with pytest.raises(gf.GradflowError) as caught:
            provoke()
        assert "⟦" not in str(caught.value)
        with read_in(PSEUDO):
            assert "⟦" in str(caught.value)
