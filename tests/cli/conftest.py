"""The real nginx, which the proxy's tests need."""

import os

import pytest

from gradflow.cli.nginx import find_nginx

NO_NGINX = "no nginx found: run `make test`, or set GRADFLOW_NGINX to one"


@pytest.fixture(scope="session")
def nginx() -> str:
    """Path of nginx. Without one tests skip, but in CI they fail."""
    path = find_nginx()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_NGINX)
    return path
