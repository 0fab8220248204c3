"""The environment of a server, looked at before anything is built on it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gradflow.core import environment as core
from gradflow.ui.security.guard import read_metrics_switch
from gradflow.ui.security.headers import make_headers
from gradflow.ui.security.hosts import Hosts


def check_environment(environment: Mapping[str, str] = os.environ) -> None:
    """Read every variable of GradFlow's once.

    Raises:
        GradflowError: one has an impossible value; the message names it and what is allowed.
    """
    core.read_limits()
    core.read_training_limit()
    core.count_processes()
    Hosts.read(environment)
    make_headers(environment)
    read_metrics_switch(environment)
