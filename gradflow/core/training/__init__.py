"""Training runs: a plan, the steps with what was recorded of them, and where a run broke."""

from gradflow.core.training.background import BackgroundRun, RunState
from gradflow.core.training.engine import Trainer, train
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import LAYER_COLUMNS, NUMBERS, StepRecord
from gradflow.core.training.run import Run
from gradflow.core.training.task import Task, make_task, register_task

__all__ = [
    "LAYER_COLUMNS",
    "NUMBERS",
    "BackgroundRun",
    "Run",
    "RunState",
    "StepRecord",
    "Task",
    "Trainer",
    "TrainingPlan",
    "make_task",
    "register_task",
    "train",
]
