"""The state of an emulator on disk: a SQLite file with a row for each thing there is."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

_APPLICATION_ID = 0x4350656D  # "CPem"; file(1) and sqlite show it
_VERSION = 1
_BUSY = 1.0  # seconds; who is stopping lets go of the file in less

_TABLE = f"""
CREATE TABLE state (
    n        INTEGER PRIMARY KEY,  -- in the order in which things came
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    document TEXT NOT NULL,        -- JSON
    UNIQUE (kind, key)
);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
"""
_PUT = """
INSERT INTO state (kind, key, document) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document
"""
_REMOVE = "DELETE FROM state WHERE kind = ? AND key = ?"


class StoreError(OSError):
    """A file that cannot be the state's, or that cannot be written."""


# One thing: its kind, its key, and what there is to know of it; None: it is gone.
Row = tuple[str, str, Any]


class Store:
    """The file at `path`, made if need be, for its owner's eyes, and this one's alone until close().

    StoreError when somebody has it, or when it is something else, which is left as it is.
    """

    def __init__(self, path: str | Path) -> None:
        self.path: Path = Path(path).absolute()
        self._refuse_our_own()
        self._db = _opened(self.path)
        self._identity = os.stat(self.path)
        _in_this_process.add(self)

    def _refuse_our_own(self) -> None:
        """Before it is opened: to close it once more would end the locks that SQLite has on it."""
        with suppress(OSError):
            found = os.stat(self.path)
            if any(os.path.samestat(found, store._identity) for store in _in_this_process):
                raise _in_use(self.path)

    def rows(self) -> Iterator[Row]:
        """All of it, in order; StoreError when it is damaged."""
        try:
            with closing(
                self._db.execute("SELECT kind, key, document FROM state ORDER BY n")
            ) as all:
                for kind, key, document in all:
                    yield kind, key, json.loads(document)
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"{self.path} is damaged: {error}") from error

    def write(self, rows: Iterable[Row], *, afresh: bool = False) -> None:
        """All of them or, with a StoreError, none; `afresh` instead of all there was.

        When it returns kill -9 takes nothing of it away.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            if afresh:
                self._db.execute("DELETE FROM state")
            for kind, key, document in rows:
                if document is None:
                    self._db.execute(_REMOVE, (kind, key))
                else:
                    self._db.execute(_PUT, (kind, key, json.dumps(document)))
            self._db.execute("COMMIT")
        except (sqlite3.Error, ValueError, TypeError) as error:
            with suppress(sqlite3.Error):  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise StoreError(f"{self.path} cannot be written: {error}") from error

    def close(self) -> None:
        """Let others have it.  Idempotent."""
        self._db.close()
        _in_this_process.discard(self)


_in_this_process: WeakSet[Store] = WeakSet()  # that are open


def _opened(path: Path) -> sqlite3.Connection:
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}") from error
    with ExitStack() as undo:
        try:
            db = undo.enter_context(closing(_connected(path)))
            _check(db, path)
            _prepare(db)
        except sqlite3.Error as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _in_use(path) from error
            raise StoreError(f"{path} cannot be read and written: {error}") from error
        undo.pop_all()
    return db


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY,
        isolation_level=None,
        check_same_thread=False,  # the loop's, and its maker's while that does not run
    )


def _in_use(path: Path) -> StoreError:
    return StoreError(f"{path} is in use, by another emulator perhaps")


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Before anything is changed."""
    if not _number(db, "SELECT count(*) FROM sqlite_master"):
        return
    if _number(db, "PRAGMA application_id") != _APPLICATION_ID:
        raise StoreError(f"{path} is something else than an emulator's state")
    if (version := _number(db, "PRAGMA user_version")) != _VERSION:
        raise StoreError(
            f"{path} has format {version}, and this cometpresence knows {_VERSION}: "
            "export it with the version that made it"
        )
    with closing(db.execute("PRAGMA quick_check(1)")) as found:
        (verdict,) = found.fetchone()
    if verdict != "ok":
        raise StoreError(f"{path} is damaged: {verdict}")


def _prepare(db: sqlite3.Connection) -> None:
    """Locked as of the first transaction, by the system, which forgets it with the process."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = WAL")
    # A commit is the system's when it returns; only if that fails, too, the latest may be lost.
    # FULL would ask the disk, each time: 8 ms instead of 0.01 on a machine of 2 cores.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA secure_delete = ON")  # there are tokens in it
    db.execute("BEGIN IMMEDIATE")
    db.execute("COMMIT")
    if not _number(db, "SELECT count(*) FROM sqlite_master"):
        db.executescript(f"BEGIN IMMEDIATE; {_TABLE} COMMIT")


def _number(db: sqlite3.Connection, query: str) -> int:
    with closing(db.execute(query)) as rows:
        (number,) = rows.fetchone()
    return int(number)
