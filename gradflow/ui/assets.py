"""What our components need: scripts as routes, compressed once and kept by browsers; styles."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import plotly
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.charts.report_page import HOVER_SCRIPT
from gradflow.charts.theme import PALETTES
from gradflow.core.verdict import Severity
from gradflow.ui.compression import PACKED, PACKINGS, Packing, choose_packing

_HERE = Path(__file__).parent
_YEAR = 365 * 24 * 60 * 60  # seconds


def _hash(paths: Iterable[Path]) -> str:
    content = hashlib.blake2b(digest_size=8)
    for path in paths:
        content.update(path.read_bytes())
    return content.hexdigest()


class Script:
    """A JavaScript file whose address changes with its content.

    Attributes:
        name: its name in the address.
        version: a hash of its content, and of that of the scripts that it may import.
    """

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self.name = path.name
        self.version = version

    @property
    def address(self) -> str:
        """Where it is served, seen from the app's root."""
        return f"gf/{self.version}/{self.name}"

    def compress(self, packing: Packing) -> bytes:
        """Compress the file: half a second for plotly.js the first time, nothing later."""
        return PACKED.pack(packing, (self.name, self.version), self._path.read_bytes)

    def make_route(self) -> Route:
        """Make the route that serves the file below ``gf/``."""
        return Route(f"/{{version}}/{self.name}", self._answer, methods=["GET"])

    async def _answer(self, request: Request) -> Response:
        packing = choose_packing(request.headers)
        tag = f'"{self.version}-{packing.name}"' if packing else f'"{self.version}"'
        # Another version may be asked for while a page from before an update is open.
        is_current = request.path_params["version"] == self.version
        headers = {
            "Cache-Control": f"public, max-age={_YEAR}, immutable" if is_current else "no-cache",
            "ETag": tag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if _knows(request, tag):
            return Response(status_code=304, headers=headers)
        if packing:
            body = await asyncio.to_thread(self.compress, packing)
            headers["Content-Encoding"] = packing.name
        else:
            body = await asyncio.to_thread(self._path.read_bytes)
        headers["Content-Length"] = str(len(body))
        if request.method == "HEAD":
            body = b""
        return Response(body, media_type="text/javascript", headers=headers)


def _knows(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag in [t.strip().removeprefix("W/") for t in known.split(",")]


OURS = sorted([HOVER_SCRIPT, *_HERE.rglob("*.js")])
"""The files of our own scripts."""
_OUR_VERSION = _hash(OURS)
"""One for all, so that they lie in one folder and import each other as ``./name.js``."""
_PLOTLY_PATH = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_ALL = [Script(_PLOTLY_PATH, _hash([_PLOTLY_PATH])), *(Script(p, _OUR_VERSION) for p in OURS)]
SCRIPTS = {script.name: script for script in _ALL}
"""Plotly's own library, from the installed package, and our scripts, by name."""


def compress_scripts() -> None:
    """Compress all scripts in every way, so that no visitor waits for that."""
    for script in SCRIPTS.values():
        for packing in PACKINGS:
            script.compress(packing)


def find_address(name: str) -> str:
    """Find where a script is served, seen from the app's root."""
    return SCRIPTS[name].address


def write_shim(name: str) -> str:
    """Write what a component's mount runs: short, because it goes with every change.

    What it imports, a browser fetches once; ``document.baseURI`` is the page's address, one level
    below the app's root.
    """
    return f"""
const script = import(new URL("{find_address(name)}", document.baseURI).href);
export default async (component) => (await script).default(component);
"""


@cache
def read_styles() -> str:
    """Read all our style sheets as one; that of the page's frame comes first."""
    sheets = sorted(_HERE.rglob("*.css"), key=lambda path: (len(path.parts), path.name))
    return "\n".join([_write_tones(), *(path.read_text(encoding="utf-8") for path in sheets)])


def _write_tones() -> str:
    """Write the figures' colours, and that of each severity; Streamlit's own are in components."""
    palettes = PALETTES["light"], PALETTES["dark"]
    colours = {
        "ink": [palette.ink for palette in palettes],
        "forward": [palette.forward for palette in palettes],
        "backward": [palette.backward for palette in palettes],
        "muted": [palette.muted for palette in palettes],
        "alarm": [palette.alarm for palette in palettes],
        **{
            f"series-{i}": [palette.series[i] for palette in palettes]
            for i in range(len(palettes[0].series))
        },
        "theory": [palette.theory for palette in palettes],
    }
    tones = {
        Severity.GOOD: colours["series-2"],
        Severity.NOTE: colours["forward"],
        Severity.WARNING: colours["backward"],
        Severity.BAD: colours["alarm"],
    }
    names = [
        f"--gf-{name}: light-dark({light}, {dark});" for name, (light, dark) in colours.items()
    ]
    return "\n".join(
        [
            f".stApp {{ {' '.join(names)} }}",
            *(
                f'[data-severity="{severity}"] {{ --gf-tone: light-dark({light}, {dark}); }}'
                for severity, (light, dark) in tones.items()
            ),
        ]
    )


def write_section_mark(place: int) -> str:
    """Write the style of an open section: which one in the navigation, from 1."""
    return f"""
[data-testid="stTopNav"] > :nth-child({place}) [data-testid="stTopNavSection"] {{
  background: color-mix(in srgb, currentColor 10%, transparent) !important;
  font-weight: 600;
}}
"""
