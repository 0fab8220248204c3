"""Every option has its row, every row its spec fields; core draws nothing."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum

import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.catalog import ACTIVATIONS, TABLES, Activation
from gradflow.core.catalog import __dict__ as names_of_catalog
from gradflow.core.codec import PARTS
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
from gradflow.core.spec import find_enum
from gradflow.core.training.plan import TrainingPlan

SPECS = (*PARTS, Recurrent, Sequences, SequenceExperiment, TrainingPlan)

ENUMS = [
    value
    for value in names_of_catalog.values()
    if isinstance(value, type) and issubclass(value, StrEnum) and value is not StrEnum
]


def test_every_enum_has_a_table_and_a_setting():
    assert set(TABLES) == set(ENUMS)
    used = [find_enum(f) for part in SPECS for f in part.model_fields.values()]
    assert {enum for enum in used if enum} == set(ENUMS)


@pytest.mark.parametrize("enum", ENUMS)
def test_tables_cover_their_enum(enum):
    assert list(TABLES[enum]) == list(enum)  # in the order in which they are offered
    labels = [row.label for row in TABLES[enum].values()]
    assert len(set(labels)) == len(labels)
    for code, row in TABLES[enum].items():
        assert code == str(code).lower()
        assert str(code).isidentifier()  # stable and harmless in a URL
        assert row.label
        assert row.help.endswith((".", "…"))


def test_parameters_are_settings_with_one_owner():
    owner: dict[str, type[StrEnum]] = {}
    for enum, table in TABLES.items():
        for row in table.values():
            for name in row.parameters:
                assert any(name in spec.model_fields for spec in SPECS)
                assert owner.setdefault(name, enum) is enum
    for part in SPECS:
        own = {find_enum(f) for f in part.model_fields.values()}
        dependent = {n for n in part.model_fields if n in owner}
        assert {owner[name] for name in dependent} <= own  # owner and owned in one spec


def test_every_setting_has_a_title_and_a_help():
    for part in SPECS:
        for name, field in part.model_fields.items():
            if name not in ("network", "data"):
                assert field.title
                assert field.description.endswith(".")


@pytest.mark.parametrize("activation", Activation)
def test_every_activation_builds_a_torch_module(activation):
    row = ACTIVATIONS[activation]
    module = row.module(gf.MLP(activation=activation))
    assert isinstance(module, nn.Module)
    assert module(torch.zeros(2, 3)).shape == (2, 3)
    assert row.formula


@pytest.mark.parametrize(
    ("activation", "name", "parameter"),
    [
        ("linear", "linear", None),
        ("sigmoid", "sigmoid", None),
        ("tanh", "tanh", None),
        ("relu", "relu", None),
        ("leaky_relu", "leaky_relu", 0.01),
        ("prelu", "leaky_relu", 0.25),
        ("rrelu", "leaky_relu", (1 / 8 + 1 / 3) / 2),
        ("selu", "selu", None),
    ],
)
def test_recommended_gains_are_those_of_pytorch(activation, name, parameter):
    expected = nn.init.calculate_gain(name, parameter)
    assert ACTIVATIONS[activation].gain(gf.MLP(activation=activation)) == pytest.approx(expected)


def test_core_imports_neither_streamlit_nor_plotly():
    code = (
        "import pkgutil, sys, importlib, gradflow.core as core\n"
        "for m in pkgutil.walk_packages(core.__path__, 'gradflow.core.'):\n"
        "    importlib.import_module(m.name)\n"
        "print([m for m in ('streamlit', 'plotly', 'gradflow.ui', 'gradflow.charts') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, gradflow; print([m for m in ('torch', 'plotly') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert set(gf.__all__) <= set(dir(gf)) | set(gf._EXPORTS)
    for name in gf.__all__:
        assert getattr(gf, name)
    with pytest.raises(AttributeError, match="colour"):
        gf.colour  # noqa: B018
