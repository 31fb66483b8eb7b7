"""The file of a history while somebody writes it."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from python.inbox import PATIENCE

from cometpresence import ConfigError, PresenceClient, PresenceHistory
from cometpresence.emulator import Emulator
from cometpresence.history import Session


def wait_for_sessions(file: Path, uid: str, enough: Callable[[list[Session]], object]) -> None:
    """Until these sessions are written.  SQLite tells nobody when another one commits, and the
    kernel tells of a write before the commit can be seen; so this looks again and again."""
    deadline = time.monotonic() + PATIENCE
    while not enough(_sessions(file, uid)):
        assert time.monotonic() < deadline, f"such sessions of {uid} were never written"
        time.sleep(0.01)


def _sessions(file: Path, uid: str) -> list[Session]:
    if file.exists():  # opening it would say so too, but not when it is a moment old
        with suppress(ConfigError), PresenceHistory(file) as history:
            return history.sessions(uid)
    return []


def sessions(path: Path, uid: str) -> list[Session]:
    with PresenceHistory(path) as history:
        return history.sessions(uid)


def words(path: Path, uid: str) -> list[str]:
    """What a user's sessions are: with a dot for one that has not ended."""
    found = sessions(path, uid)
    return [session.status.value + ("." if session.end is None else "") for session in found]


def let_time_pass(emulator: Emulator, client: PresenceClient) -> None:
    """A change after the recording began: up to there, all is known."""
    emulator.set_online("dave")
    client.wait_for_online("dave")
