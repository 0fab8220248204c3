"""Settings for all tests: repeatable numbers, and no time limits on a shared machine."""

import os

import hypothesis
import torch

# One thread: sums are added in the same order every time, and xdist's workers share the cores.
torch.set_num_threads(1)

# In CI every run tries the same examples; elsewhere each run looks for new ones.
hypothesis.settings.register_profile(
    "gradflow", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
hypothesis.settings.load_profile("gradflow")
