"""Training runs: a plan, the steps with what was recorded of them, and where a run broke."""

from gradflow.core.training.background import BackgroundRun, State
from gradflow.core.training.engine import Trainer, train
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import LAYER_COLUMNS, NUMBERS, StepRecord
from gradflow.core.training.replay import replay
from gradflow.core.training.run import Run
from gradflow.core.training.task import Task, register, task_of

__all__ = [
    "LAYER_COLUMNS",
    "NUMBERS",
    "BackgroundRun",
    "Run",
    "State",
    "StepRecord",
    "Task",
    "Trainer",
    "TrainingPlan",
    "register",
    "replay",
    "task_of",
    "train",
]
