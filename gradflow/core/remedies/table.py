"""All cures, in the order in which they are offered; of two equal changes the first is kept."""

from __future__ import annotations

from gradflow.core.remedies.activations import ACTIVATION_REMEDIES
from gradflow.core.remedies.data import DATA_REMEDIES
from gradflow.core.remedies.optimizer import OPTIMIZER_REMEDIES
from gradflow.core.remedies.remedy import Remedy
from gradflow.core.remedies.structure import STRUCTURE_REMEDIES
from gradflow.core.remedies.transformer import TRANSFORMER_REMEDIES
from gradflow.core.remedies.weights import WEIGHT_REMEDIES

REMEDIES: dict[str, Remedy] = {
    remedy.code: remedy
    for remedy in (
        *DATA_REMEDIES,
        *ACTIVATION_REMEDIES,
        *WEIGHT_REMEDIES,
        *STRUCTURE_REMEDIES,
        *TRANSFORMER_REMEDIES,
        *OPTIMIZER_REMEDIES,
    )
}
