"""nginx's configuration as a text; what it does is in test_installed.py."""

import subprocess
from pathlib import Path

import pytest

from gradflow.cli.console import CommandFailed
from gradflow.cli.nginx import Proxy

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize(("host", "base_path"), [("", ""), ("127.0.0.1", "/a.b/c"), ("::1", "/x")])
def test_nginx_takes_the_configuration(
    nginx: str, count: int, host: str, base_path: str, tmp_path: Path
) -> None:
    servers = [f"10.0.0.{i}:8501" for i in range(1, count)] + ["[::1]:8501"]
    path = tmp_path / "nginx.conf"
    path.write_text(Proxy(servers, host, 8080, base_path).write_configuration(str(tmp_path)))
    subprocess.run([nginx, "-t", "-q", "-e", "stderr", "-c", str(path)], check=True)


@pytest.mark.parametrize(
    ("servers", "base_path"),
    [
        ([], ""),
        (["127.0.0.1:1", "127.0.0.1:1"], ""),
        (["127.0.0.1"], ""),
        (["example.org:80"], ""),
        (["127.0.0.1:1; include /etc/passwd"], ""),
        (["127.0.0.1:1"], "/x; }"),
        (["127.0.0.1:1"], "/x\n"),
    ],
)
def test_what_is_no_address_or_path_is_refused(servers: list[str], base_path: str) -> None:
    with pytest.raises(CommandFailed):
        Proxy(servers, "", 8080, base_path)
