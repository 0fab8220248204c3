"""Settings for all tests: repeatable numbers, and no time limits on a shared machine."""

import os

import hypothesis
import pytest
import torch
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# One thread: sums are added in the same order every time, and xdist's workers share the cores.
torch.set_num_threads(1)

# In CI every run tries the same examples; elsewhere each run looks for new ones.
hypothesis.settings.register_profile(
    "gradflow", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
hypothesis.settings.load_profile("gradflow")


class BrowserTestsTogether(LoadScopeScheduling):
    """Send tests to whichever worker is free, but those of the browser all to one.

    They share one server and one browser. (xdist's own groups need node ids that can be changed,
    which those of pytest 9.2 cannot.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer | None
) -> BrowserTestsTogether:
    """Choose how xdist spreads the tests, whatever its option ``--dist`` says."""
    return BrowserTestsTogether(config, log)
