"""Mean-field predictions for an experiment: what its measurement should show, and how surely."""

from gradflow.core.theory.fixed_points import Phase
from gradflow.core.theory.predict import Prediction, predict
from gradflow.core.theory.validity import Standing

__all__ = ["Phase", "Prediction", "Standing", "predict"]
