"""The options of every control: enums of stable codes, and tables that say what each one is.

Adding an option is one enum member and one table row; specs, widgets, builder, code export and
the documentation follow from the table. ``TABLES`` finds the table of an enum.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from gradflow.core.catalog.activations import ACTIVATIONS, Activation, ActivationChoice
from gradflow.core.catalog.choice import Choice
from gradflow.core.catalog.connections import CONNECTIONS, Connection
from gradflow.core.catalog.initializations import (
    FAN_MODES,
    GAINS,
    INITIALIZATIONS,
    FanMode,
    Gain,
    Initialization,
)
from gradflow.core.catalog.normalizations import (
    NORM_MODES,
    NORM_POSITIONS,
    NORMALIZATIONS,
    Normalization,
    NormMode,
    NormPosition,
)
from gradflow.core.catalog.numerics import DEVICES, DTYPES, LOSSES, Device, DType, Loss
from gradflow.core.catalog.sources import SOURCES, Source

TABLES: Mapping[type[StrEnum], Mapping[Any, Choice]] = {
    Activation: ACTIVATIONS,
    Initialization: INITIALIZATIONS,
    Gain: GAINS,
    FanMode: FAN_MODES,
    Normalization: NORMALIZATIONS,
    NormPosition: NORM_POSITIONS,
    NormMode: NORM_MODES,
    Connection: CONNECTIONS,
    Source: SOURCES,
    Loss: LOSSES,
    DType: DTYPES,
    Device: DEVICES,
}

__all__ = [
    "ACTIVATIONS",
    "CONNECTIONS",
    "DEVICES",
    "DTYPES",
    "FAN_MODES",
    "GAINS",
    "INITIALIZATIONS",
    "LOSSES",
    "NORMALIZATIONS",
    "NORM_MODES",
    "NORM_POSITIONS",
    "SOURCES",
    "TABLES",
    "Activation",
    "ActivationChoice",
    "Choice",
    "Connection",
    "DType",
    "Device",
    "FanMode",
    "Gain",
    "Initialization",
    "Loss",
    "NormMode",
    "NormPosition",
    "Normalization",
    "Source",
]
