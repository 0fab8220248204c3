"""Paths of the app's files; those of pages are for the navigation and for links between them."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "app"
SITE = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
"""The folder of ``app.py``, ``pages/`` and ``.streamlit/``: beside the package in the repository,
in it where it is installed (``setup.py``)."""
APP = SITE / "app.py"
FRAME = _PACKAGE / "ui" / "main.py"
PAGES = SITE / "pages"
EXPLORE = PAGES / "explore.py"
LEARN = PAGES / "learn.py"
COMPARE = PAGES / "compare.py"
PHASE = PAGES / "phase.py"
YOUR_MODEL = PAGES / "your_model.py"
TRAINING = PAGES / "training.py"
PRETRAINING = PAGES / "pretraining.py"
BACKPROP = PAGES / "backprop.py"
DESCENT = PAGES / "descent.py"
ACTIVATIONS = PAGES / "activations.py"
INITIALIZATION = PAGES / "initialization.py"
NORMALIZATION = PAGES / "normalization.py"
DEGRADATION = PAGES / "degradation.py"
RECURRENT = PAGES / "recurrent.py"
DIAGNOSES = PAGES / "diagnoses.py"


def find_page(address: str) -> Path:
    """Find the file of a page, which is named after its address; Explore stands at the root."""
    return PAGES / f"{address.replace('-', '_')}.py" if address else EXPLORE
