"""Cures for a gradient that vanishes or explodes: what each changes, and whether it helped.

>>> report = gf.run(experiment)
>>> for outcome in try_all(experiment, report, gf.run):
...     print(REMEDIES[outcome.code].label, outcome.unevenness, outcome.remark)
"""

from gradflow.core.remedies.advice import advise
from gradflow.core.remedies.advice_table import ADVICE, Advice
from gradflow.core.remedies.measure import measure_unevenness
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.table import REMEDIES
from gradflow.core.remedies.training import TrainedCure, rank_by_training, train_cure
from gradflow.core.remedies.trial import CureOutcome, Ranking, find_applicable, try_all, try_one

__all__ = [
    "ADVICE",
    "REMEDIES",
    "Advice",
    "CureOutcome",
    "Ranking",
    "Remedy",
    "Situation",
    "TrainedCure",
    "advise",
    "find_applicable",
    "measure_unevenness",
    "rank_by_training",
    "train_cure",
    "try_all",
    "try_one",
]
