"""Mean-field predictions for an experiment, and how far they can be trusted."""

from gradflow.core.theory.fixed_points import Phase
from gradflow.core.theory.predict import Prediction, StreamPrediction, predict
from gradflow.core.theory.validity import Standing

__all__ = ["Phase", "Prediction", "Standing", "StreamPrediction", "predict"]
