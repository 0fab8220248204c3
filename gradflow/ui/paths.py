"""Paths of the pages, for the navigation and for links between them."""

from pathlib import Path

PAGES = Path(__file__).parents[2] / "pages"
EXPLORE = PAGES / "explore.py"
COMPARE = PAGES / "compare.py"
TRAINING = PAGES / "training.py"
PRETRAINING = PAGES / "pretraining.py"
BACKPROP = PAGES / "backprop.py"
DESCENT = PAGES / "descent.py"
ACTIVATIONS = PAGES / "activations.py"
NORMALIZATION = PAGES / "normalization.py"
DEGRADATION = PAGES / "degradation.py"
RECURRENT = PAGES / "recurrent.py"
DIAGNOSES = PAGES / "diagnoses.py"
