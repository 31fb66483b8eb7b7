"""A session of frames as a file: a header, a line of JSON for all that happened, and an end.

    {"recording": 1, "began": 1700000000.0, "app_id": …, "region": …, "roles": […], "users": […]}
    {"at": 0.2, "event": "authenticated", "connection": 1, "uid": "alice", "session": …}
    {"at": 0.2, "event": "online", "uid": "bob", "timestamp": 1700000000}
    {"at": 0.2, "direction": "out", "connections": [1], "type": "presence", "frame": {…}}
    {"at": 9.5, "event": "closing", "connection": 1, "code": 1001, "clean": true}
    {"end": true, "lines": 4, "sha256": …}

`at` is in seconds of the emulator's clock since it began.  No line has a secret in it; of a
broadcast the first 256 connections are named.
"""

import hashlib
import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .journal import Entry

_logger = logging.getLogger(__name__)

_VERSION = 1

# What of the journal's entries, besides frames, is part of the session, and by which names.
_EVENTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "socket_authenticated": (
        "authenticated",
        {"socket": "connection", "uid": "uid", "session": "session"},
    ),
    "socket_closing": ("closing", {"socket": "connection", "code": "code", "clean": "clean"}),
    "user_online": ("online", {"uid": "uid", "at": "timestamp"}),
    "user_offline": ("offline", {"uid": "uid", "at": "timestamp"}),
}


class RecordingFile:
    """Written line by line, so that of a killed emulator's all but the end is there.

    `header` and the entries come without secrets.  OSError if the file is there already.
    """

    def __init__(self, path: str | Path, header: Mapping[str, Any], began: float) -> None:
        self._path = Path(path).absolute()
        self._began = began
        self._lines = 0
        self._sum = hashlib.sha256()
        try:
            self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise OSError(f"{path} is there already: a recording is one session") from None
        self._is_open = True
        self._write({"recording": _VERSION, "began": began, **header})

    def take(self, entry: Entry) -> None:
        """An entry of the journal; most are about something else."""
        at = {"at": round(entry["t"] - self._began, 6)}
        if entry["kind"] == "ws":
            names = ("type", "frame", "binary", "code")
            facts = {name: entry[name] for name in names if name in entry}
            told = {"direction": entry["dir"], "connections": entry["sockets"], **facts}
        elif entry.get("event") in _EVENTS:
            event, names_of = _EVENTS[entry["event"]]
            told = {"event": event, **{ours: entry[name] for name, ours in names_of.items()}}
        else:
            return
        self._lines += 1
        self._write({**at, **told})

    def end(self) -> None:
        """Whoever reads it knows by this that nothing is missing.  Idempotent."""
        self._write({"end": True, "lines": self._lines, "sha256": self._sum.hexdigest()})
        self._close()

    def _write(self, line: Mapping[str, Any]) -> None:
        """A full disk ends the recording, not the emulator."""
        if not self._is_open:
            return
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        self._sum.update(data)
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            _logger.error("the recording %s ends here: %s", self._path, error)
            self._close()

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._file)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded."""

    header: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]

    def seen_by(self, uid: str | None) -> str:
        """Whose session it is: `uid`, or the first who was let in."""
        uids = [line["uid"] for line in self.lines if line.get("event") == "authenticated"]
        if not uids:
            raise ValueError("nobody was let in while it was recorded")
        if uid is not None and uid.lower() not in uids:
            raise ValueError(f"{uid} is not among those let in: {', '.join(dict.fromkeys(uids))}")
        return uids[0] if uid is None else uid.lower()

    def begin_of(self, uid: str) -> int:
        """The number of the line that lets them in."""
        return next(
            number
            for number, line in enumerate(self.lines)
            if line.get("event") == "authenticated" and line["uid"] == uid
        )

    def users_when(self, number: int) -> list[dict[str, Any]]:
        """As they were at that line."""
        users = {user["uid"]: dict(user) for user in self.header["users"]}
        for line in self.lines[:number]:
            if line.get("event") in ("online", "offline") and line["uid"] in users:
                users[line["uid"]]["status"] = line["event"]
                users[line["uid"]]["lastActiveAt"] = line["timestamp"]
        return list(users.values())


def read_recording(path: str | Path, *, verify: bool = True) -> Recording:
    """ValueError when it is none, or torn, or was changed.

    Without `verify` whole lines are good enough, be they all there is of it or others than were
    recorded.
    """
    data = Path(path).read_bytes()
    *whole, rest = data.split(b"\n")
    try:
        lines = [_read_line(number, line) for number, line in enumerate(whole, 1)]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    header = lines[0] if lines else {}
    if not _is_header(header):
        raise ValueError(f"{path} is no recording of version {_VERSION}")
    end = lines[-1] if lines[-1].get("end") else None
    body = lines[1:] if end is None else lines[1:-1]
    for number, line in enumerate(body, 2):
        if not _makes_sense(line):
            raise ValueError(f"{path}: line {number} is none of a recording")
    if verify:
        _verify(path, end, len(body), hashlib.sha256(b"".join(d + b"\n" for d in whole[:-1])), rest)
    return Recording(header, body)


def _read_line(number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"line {number} is no JSON object")
    return found


def _is_header(line: Mapping[str, Any]) -> bool:
    match line:
        case {"recording": version, "app_id": str(), "region": str(), "users": list() as users}:
            fine = all(
                isinstance(user, dict) and isinstance(user.get("uid"), str) for user in users
            )
            return version == _VERSION and fine
    return False


def _makes_sense(line: Mapping[str, Any]) -> bool:
    """Others may have written it."""
    match line:
        case {"at": int() | float() as at, "event": "authenticated"}:
            fine = {"connection": int, "uid": str, "session": str}
        case {"at": int() | float() as at, "event": "online" | "offline"}:
            fine = {"uid": str, "timestamp": int}
        case {"at": int() | float() as at, "event": "closing"}:
            fine = {"connection": int, "code": int, "clean": bool}
        case {"at": int() | float() as at, "direction": "in" | "out", "type": _}:
            fine = {"connections": list}
        case _:
            return False
    if not all(isinstance(line.get(key), kind) for key, kind in fine.items()):
        return False
    return 0 <= at < math.inf and all(isinstance(n, int) for n in line.get("connections", ()))


def _verify(
    path: str | Path, end: Mapping[str, Any] | None, lines: int, found: Any, rest: bytes
) -> None:
    if end is None or rest:
        raise ValueError(
            f"{path} is torn: there are {lines} lines and no end;"
            " verify=False, or --no-verify, takes those"
        )
    if (end.get("lines"), end.get("sha256")) != (lines, found.hexdigest()):
        raise ValueError(
            f"{path} is not as it was recorded; verify=False, or --no-verify, takes it as it is"
        )
