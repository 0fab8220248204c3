"""Cures for a gradient that vanishes or explodes: what each one changes, and whether it helped.

>>> report = gf.run(experiment)
>>> for outcome in try_all(experiment, report, gf.run):
...     print(REMEDIES[outcome.code].label, outcome.unevenness, outcome.remark)
"""

from gradflow.core.remedies.measure import unevenness
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.table import REMEDIES
from gradflow.core.remedies.trial import Outcome, Ranking, applicable, try_all

__all__ = [
    "REMEDIES",
    "Outcome",
    "Ranking",
    "Remedy",
    "Situation",
    "applicable",
    "try_all",
    "unevenness",
]
