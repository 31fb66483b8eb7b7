"""The file of a history: its tables, and how it is opened.

One row of `watches` is a stretch of time in which the picture was known, and `changes` are the
transitions seen then; whatever is outside all watches is unknown, so a crash needs no record of
its own.  `users.status` is the status after the latest change, for whoever writes.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from ..errors import ConfigError

__all__ = ["NEVER", "OFFLINE", "ONLINE", "UNKNOWN", "open_for_reading", "open_for_writing"]

OFFLINE, ONLINE, UNKNOWN = 0, 1, 2  # the numbers of statuses in the file
NEVER = 2**63 - 1  # later than every moment in the file

_APPLICATION_ID = 0x43507248  # "CPrH"; file(1) and sqlite show it
_VERSION = 2
_BUSY = 10.0  # seconds to wait for others who write: only somebody with a shell would

_TABLES = f"""
CREATE TABLE recording (
    app_id TEXT NOT NULL
);
CREATE TABLE users (
    id     INTEGER PRIMARY KEY,
    uid    TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name   TEXT NOT NULL,
    status INTEGER NOT NULL CHECK (status IN ({OFFLINE}, {ONLINE}, {UNKNOWN}))
);
CREATE TABLE changes (
    id        INTEGER PRIMARY KEY,
    user      INTEGER NOT NULL REFERENCES users,
    at        INTEGER NOT NULL,  -- our clock, microseconds; a user's are in order
    status    INTEGER NOT NULL CHECK (status IN ({OFFLINE}, {ONLINE}, {UNKNOWN})),
    server_at INTEGER            -- the server's clock, seconds, if it said
);
CREATE INDEX changes_by_user ON changes (user, at);
CREATE INDEX changes_by_time ON changes (at);
CREATE TABLE watches (
    id    INTEGER PRIMARY KEY,
    began INTEGER NOT NULL,
    until INTEGER NOT NULL CHECK (until >= began)
);
CREATE TABLE scope (
    watched TEXT NOT NULL,   -- whom the latest watches are about
    since   INTEGER NOT NULL -- from when on who is not in `users` was offline; before, unknown
);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
"""


def open_for_writing(path: Path, app_id: str) -> sqlite3.Connection:
    """The file at `path`, made if it is not there, readable for its owner alone.

    ConfigError when it is something else, of another app, or cannot be opened.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ConfigError(
            "INVALID_PARAMETER", f"{path} cannot be opened: {error.strerror}"
        ) from error
    db = _connect(path, "rw")
    try:
        _check(db, path, may_be_empty=True)
        # FULL: a commit is on the disk when it returns, be it kill -9 or the power that fails.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")  # what retention deletes is gone, not just unlinked
        _prepare(db, path, app_id)
    except BaseException:
        db.close()
        raise
    return db


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The file at `path`, whoever else is writing it; ConfigError when it is no history."""
    if not path.is_file():
        fault = "is no file" if path.exists() else "does not exist; a PresenceRecorder makes it"
        raise ConfigError("INVALID_PARAMETER", f"{path} {fault}.")
    db = _connect(path, "ro")
    try:
        _check(db, path, may_be_empty=False)
    except BaseException:
        db.close()
        raise
    return db


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Transactions are said in words, and the callers see to it that one thread is here at a time.
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=_BUSY,
        isolation_level=None,
        check_same_thread=False,
    )


def _check(db: sqlite3.Connection, path: Path, *, may_be_empty: bool) -> None:
    try:
        if may_be_empty and not _number(db, "SELECT count(*) FROM sqlite_master"):
            return
        kind = _number(db, "PRAGMA application_id")
        version = _number(db, "PRAGMA user_version")
    except sqlite3.Error as error:
        raise ConfigError("INVALID_PARAMETER", f"{path} cannot be read: {error}") from error
    if kind != _APPLICATION_ID:
        raise ConfigError("INVALID_PARAMETER", f"{path} is no presence history.")
    if version != _VERSION:
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{path} has format {version}, and this cometpresence knows {_VERSION}; "
            "record into a new file, and read this one with the version that made it.",
        )


def _prepare(db: sqlite3.Connection, path: Path, app_id: str) -> None:
    """Make the tables of a new file; see to it that an old one is of this app."""
    if not _number(db, "SELECT count(*) FROM sqlite_master"):
        db.executescript(f"BEGIN IMMEDIATE;{_TABLES}")
        db.execute("INSERT INTO recording (app_id) VALUES (?)", (app_id,))
        db.execute("COMMIT")
    with closing(db.execute("SELECT app_id FROM recording")) as rows:
        (recorded,) = rows.fetchone()
    if recorded != app_id:
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{path} is the history of app {recorded!r}, not of {app_id!r}; use a file for each.",
        )


def _number(db: sqlite3.Connection, query: str) -> int:
    with closing(db.execute(query)) as rows:
        (number,) = rows.fetchone()
    return int(number)
