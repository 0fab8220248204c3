"""The options of every control: enums of stable codes, and tables that describe each option.

An option is one enum member and one table row; specs, widgets, builder, code export and the
documentation follow from the table. ``TABLES`` maps each enum to its table.

Rows read the settings they need through small protocols (``ActivationParameters``, …), so that
the catalog knows no spec and specs can import it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from gradflow.core.catalog.activations import ACTIVATIONS, Activation, ActivationChoice
from gradflow.core.catalog.architectures import ARCHITECTURES, Architecture
from gradflow.core.catalog.cells import (
    CELLS,
    RECURRENT_INITS,
    RECURRENT_SCALES,
    Cell,
    RecurrentInit,
    RecurrentScale,
)
from gradflow.core.catalog.choice import Choice
from gradflow.core.catalog.connections import CONNECTIONS, Connection
from gradflow.core.catalog.images import DOWNSAMPLINGS, PADDINGS, Downsampling, Padding
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
    NORM_PLACEMENTS,
    NORM_POSITIONS,
    NORMALIZATIONS,
    Normalization,
    NormMode,
    NormPlacement,
    NormPosition,
)
from gradflow.core.catalog.numerics import DEVICES, DTYPES, LOSSES, Device, DType, Loss
from gradflow.core.catalog.optimizers import (
    CLIPS,
    OPTIMIZERS,
    PRECISIONS,
    Clip,
    Optimizer,
    Precision,
)
from gradflow.core.catalog.readouts import READOUTS, Readout
from gradflow.core.catalog.schedules import SCHEDULES, Schedule
from gradflow.core.catalog.sequences import (
    LOSS_AT,
    SEQUENCE_SOURCES,
    LossAt,
    SequenceSource,
)
from gradflow.core.catalog.sources import INPUTS, SOURCES, TARGETS, Inputs, Source, Targets

TABLES: Mapping[type[StrEnum], Mapping[Any, Choice]] = {
    Architecture: ARCHITECTURES,
    Activation: ACTIVATIONS,
    Initialization: INITIALIZATIONS,
    Gain: GAINS,
    FanMode: FAN_MODES,
    Normalization: NORMALIZATIONS,
    NormPosition: NORM_POSITIONS,
    NormMode: NORM_MODES,
    NormPlacement: NORM_PLACEMENTS,
    Padding: PADDINGS,
    Downsampling: DOWNSAMPLINGS,
    Connection: CONNECTIONS,
    Readout: READOUTS,
    Source: SOURCES,
    Inputs: INPUTS,
    Targets: TARGETS,
    Loss: LOSSES,
    DType: DTYPES,
    Device: DEVICES,
    Cell: CELLS,
    RecurrentInit: RECURRENT_INITS,
    RecurrentScale: RECURRENT_SCALES,
    SequenceSource: SEQUENCE_SOURCES,
    LossAt: LOSS_AT,
    Optimizer: OPTIMIZERS,
    Clip: CLIPS,
    Precision: PRECISIONS,
    Schedule: SCHEDULES,
}

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "CELLS",
    "CLIPS",
    "CONNECTIONS",
    "DEVICES",
    "DOWNSAMPLINGS",
    "DTYPES",
    "FAN_MODES",
    "GAINS",
    "INITIALIZATIONS",
    "INPUTS",
    "LOSSES",
    "LOSS_AT",
    "NORMALIZATIONS",
    "NORM_MODES",
    "NORM_PLACEMENTS",
    "NORM_POSITIONS",
    "OPTIMIZERS",
    "PADDINGS",
    "PRECISIONS",
    "READOUTS",
    "RECURRENT_INITS",
    "RECURRENT_SCALES",
    "SCHEDULES",
    "SEQUENCE_SOURCES",
    "SOURCES",
    "TABLES",
    "TARGETS",
    "Activation",
    "ActivationChoice",
    "Architecture",
    "Cell",
    "Choice",
    "Clip",
    "Connection",
    "DType",
    "Device",
    "Downsampling",
    "FanMode",
    "Gain",
    "Initialization",
    "Inputs",
    "Loss",
    "LossAt",
    "NormMode",
    "NormPlacement",
    "NormPosition",
    "Normalization",
    "Optimizer",
    "Padding",
    "Precision",
    "Readout",
    "RecurrentInit",
    "RecurrentScale",
    "Schedule",
    "SequenceSource",
    "Source",
    "Targets",
]
