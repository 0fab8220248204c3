"""What stands above a module, found when somebody asks for it.

A report judges itself, compares itself and shows itself in a notebook, by code that builds on
reports. It is named here as text, because imports run one way.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def find_attribute(place: str) -> Any:
    """Find what ``module:name`` names; the module is imported."""
    module, name = place.split(":")
    return getattr(import_module(module), name)
