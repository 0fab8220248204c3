"""nginx's configuration as a text; what it does is in test_installed.py."""

import re
import subprocess
from pathlib import Path

import pytest

from gradflow.cli.console import CommandFailed
from gradflow.cli.main import main
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


def test_the_file_for_compose_is_that_of_its_servers(capfd) -> None:
    """``make proxy`` writes it."""
    servers = re.findall(r"ipv4_address: (\S+)", (ROOT / "compose.yaml").read_text())
    assert len(servers) == 2
    options = [word for server in servers for word in ("--server", f"{server}:8501")]
    assert main(["proxy", *options]) == 0
    assert capfd.readouterr().out == (ROOT / "deploy" / "nginx.conf").read_text()
