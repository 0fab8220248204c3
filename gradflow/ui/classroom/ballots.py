"""Classes and their votes in one small SQLite file, which all processes of a server share.

Nothing personal is kept: a phone is a random number. Everything is bounded in number and in time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text

SETTING = "GRADFLOW_VOTES"
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters of a code: none that is taken for another one, or for a digit."""
CODE_LENGTH = 6
MOST_CLASSES = 100
MOST_PHONES = 500
"""Phones that vote on one question of a class."""
MOST_VOTES = 6000
"""Votes of a class on all questions; beyond, those on earlier ones are forgotten."""
MOST_CHANGES = 50
"""How often a phone may send another prediction for one question."""
LIFETIME = 3 * 60 * 60.0
"""Seconds without its presenter after which a class is over."""
SPARED = 120.0
"""The same, where there are so many classes that another one finds no place."""
LONGEST_BALLOT = 40_000
_SEEN_EVERY = 20.0
"""Seconds after which it is noted anew that a presenter is there."""
_BUSY_SECONDS = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS classes (
    code TEXT PRIMARY KEY, host BLOB NOT NULL, seen REAL NOT NULL,
    question TEXT NOT NULL DEFAULT '', is_open INTEGER NOT NULL DEFAULT 0,
    ballot TEXT NOT NULL DEFAULT '', choices TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS votes (
    code TEXT NOT NULL REFERENCES classes ON DELETE CASCADE, question TEXT NOT NULL,
    phone TEXT NOT NULL, choice TEXT NOT NULL, changes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (code, question, phone)
) WITHOUT ROWID;
"""


class NoSuchClass(Exception):
    """There is no class of this code, or it is over."""


class Refused(Exception):
    """A vote is not taken: the question is closed, there is no such choice, or it is too much."""


@dataclass(frozen=True)
class Ballot:
    """What a phone is shown.

    Attributes:
        version: another one for anything else.
        content: JSON for the phone.
        is_open: whether it may vote.
        mine: what this phone has voted; may be empty.
    """

    version: int
    content: str
    is_open: bool
    mine: str


class Ballots:
    """The file, and all that is read from it and written into it.

    Args:
        path: of the file; its folder is made if there is none.
        clock: tells seconds since any time that all processes share.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()
        self._key: bytes | None = None

    # --- the presenter ------------------------------------------------------------------------

    def open_class(self) -> tuple[str, str]:
        """Open a class; return its code, and the secret by which its presenter is known.

        Raises:
            Refused: there are too many classes.
        """
        code = "".join(secrets.choice(LETTERS) for _letter in range(CODE_LENGTH))
        host, now = secrets.token_urlsafe(16), self._clock()
        database = self._connect()
        with database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM classes WHERE seen < ?", (now - LIFETIME,))
            (count,) = database.execute("SELECT count(*) FROM classes").fetchone()
            if count >= MOST_CLASSES:
                oldest = "SELECT code FROM classes WHERE seen < ? ORDER BY seen LIMIT 1"
                row = database.execute(oldest, (now - SPARED,)).fetchone()
                if row is None:
                    raise Refused
                database.execute("DELETE FROM classes WHERE code = ?", row)
            values = (code, _hash(host), now)
            database.execute("INSERT INTO classes (code, host, seen) VALUES (?, ?, ?)", values)
        return code, host

    def is_host(self, code: str, host: str) -> bool:
        """Whether the secret is that of the presenter of a class that is not over."""
        row = self._find(code, "host")
        return row is not None and hmac.compare_digest(bytes(row[0]), _hash(host))

    def ask(
        self, code: str, question: str, choices: tuple[str, ...], content: str, *, is_open: bool
    ) -> None:
        """Ask a class a question, or close it; the same again changes nothing.

        Args:
            code: of the class; one that is over is left alone.
            question: what votes belong to.
            choices: what can be voted for, as codes without spaces.
            content: what phones are shown, JSON.
            is_open: whether votes are taken.
        """
        if len(content) > LONGEST_BALLOT:
            raise ValueError(f"{len(content)} characters are too many for a ballot")
        listed = " ".join(choices)
        shown = (question, int(is_open), content, listed)
        if self._find(code, "question, is_open, ballot, choices") == shown:
            self._note_seen(code)
            return
        self._connect().execute(
            "UPDATE classes SET question = ?, is_open = ?, ballot = ?, choices = ?,"
            " version = version + 1, seen = ? WHERE code = ?",
            (*shown, self._clock(), code),
        )

    def count_votes(self, code: str) -> tuple[str, Mapping[str, int]]:
        """Count the votes on the question that is asked; return it, and the numbers by choice.

        Raises:
            NoSuchClass: the class is over.
        """
        row = self._find(code, "question")
        if row is None:
            raise NoSuchClass
        self._note_seen(code)
        votes = self._connect().execute(
            "SELECT choice, count(*) FROM votes WHERE code = ? AND question = ? GROUP BY choice",
            (code, row[0]),
        )
        return str(row[0]), {str(choice): int(count) for choice, count in votes}

    def close_class(self, code: str) -> None:
        """End a class, and forget its votes."""
        self._connect().execute("DELETE FROM classes WHERE code = ?", (code,))

    # --- phones -------------------------------------------------------------------------------

    def make_phone(self) -> str:
        """Make a random number for a phone, signed, so that nobody can make up others."""
        number = secrets.token_hex(8)
        return f"{number}.{self._sign(number)}"

    def is_phone(self, phone: str) -> bool:
        """Whether this is the number of a phone, made by ``make_phone``."""
        number, _dot, signature = phone.partition(".")
        return phone.isascii() and hmac.compare_digest(signature, self._sign(number))

    def show(self, code: str, phone: str) -> Ballot:
        """Read what a phone is shown.

        Raises:
            NoSuchClass: there is no such class, or it is over.
        """
        row = self._find(code, "version, ballot, is_open, question")
        if row is None:
            raise NoSuchClass
        version, content, is_open, question = row
        vote = self._connect().execute(
            "SELECT choice FROM votes WHERE code = ? AND question = ? AND phone = ?",
            (code, question, phone),
        )
        (mine,) = vote.fetchone() or ("",)
        return Ballot(int(version), str(content), bool(is_open), str(mine))

    def vote(self, code: str, phone: str, question: str, choice: str) -> None:
        """Take the vote of a phone, in place of an earlier one.

        Raises:
            NoSuchClass: there is no such class, or it is over.
            Refused: something else is asked, nothing is, or there is no such choice; too many
                phones, or too many changes.
        """
        row = self._find(code, "question, is_open, choices")
        if row is None:
            raise NoSuchClass
        asked, is_open, choices = row
        if not is_open or question != asked or choice not in str(choices).split():
            raise Refused
        place = (code, question)
        database = self._connect()
        with database:
            database.execute("BEGIN IMMEDIATE")
            (all_votes,) = database.execute(
                "SELECT count(*) FROM votes WHERE code = ?", (code,)
            ).fetchone()
            if all_votes >= MOST_VOTES:
                database.execute("DELETE FROM votes WHERE code = ? AND question <> ?", place)
            counting = "SELECT count(*) FROM votes WHERE code = ? AND question = ? AND phone <> ?"
            (others,) = database.execute(counting, (*place, phone)).fetchone()
            taken = database.execute(
                "INSERT INTO votes (code, question, phone, choice) SELECT ?, ?, ?, ? WHERE ? < ?"
                " ON CONFLICT DO UPDATE SET choice = excluded.choice, changes = changes + 1"
                " WHERE changes < ?",
                (*place, phone, choice, others, MOST_PHONES, MOST_CHANGES),
            )
            if not taken.rowcount:
                raise Refused

    # --- the file -----------------------------------------------------------------------------

    def _find(self, code: str, columns: str) -> tuple[Any, ...] | None:
        """Find a class that is not over."""
        cursor = self._connect().execute(
            f"SELECT {columns} FROM classes WHERE code = ? AND seen >= ?",
            (code, self._clock() - LIFETIME),
        )
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row

    def _note_seen(self, code: str) -> None:
        now = self._clock()
        statement = "UPDATE classes SET seen = ? WHERE code = ? AND seen < ?"
        row = self._find(code, "seen")
        if row is not None and row[0] < now - _SEEN_EVERY:
            self._connect().execute(statement, (now, code, now - _SEEN_EVERY))

    def _sign(self, number: str) -> str:
        if self._key is None:
            database = self._connect()
            values = ("phones", secrets.token_bytes(32))
            database.execute("INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)", values)
            (key,) = database.execute("SELECT value FROM secrets").fetchone()
            self._key = bytes(key)
        return hmac.new(self._key, number.encode(), "sha256").hexdigest()[:32]

    def _connect(self) -> sqlite3.Connection:
        """Connect this thread, once."""
        known: sqlite3.Connection | None = getattr(self._local, "database", None)
        if known is not None:
            return known
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA foreign_keys = ON")
            database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise GradflowError(
                Text(
                    "{path}: votes cannot be kept there ({why}); start the server with {setting} "
                    "as the path of a file that all its processes can write",
                    path=str(self._path),
                    why=str(error),
                    setting=SETTING,
                )
            ) from error
        self._local.database = database
        return database


def _hash(host: str) -> bytes:
    return hashlib.sha256(host.encode(errors="replace")).digest()


def find_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Find where the file lies: as the setting says, or in a folder of this user's for now."""
    if given := environment.get(SETTING, ""):
        return Path(given)
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return Path(tempfile.gettempdir()) / f"gradflow-{user}" / "votes.sqlite3"


BALLOTS = Ballots(find_path())
"""Those of this server."""
