"""PresenceRecorder: a client's presence, written down."""

import atexit
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..base import _Common
from ..errors import ClientClosed, CometChatException, ConfigError
from ..values import SyncState, UserStatus
from .moments import SECOND, as_datetime
from .schema import OFFLINE, ONLINE, UNKNOWN
from .tape import Tape

if TYPE_CHECKING:
    from .._core import Client, PresenceEvent, User

__all__ = ["PresenceRecorder"]

_BEAT = 0.25  # seconds between two looks at the client, at most
_STANDSTILL = 5.0  # seconds without a look from which on the process, or the machine, stood still
_SETTLE = 2.0  # seconds after that in which what had piled up in the socket is read
_GATHER = 0.05  # seconds to let changes gather: a commit costs the same for one and for a thousand
_BACKLOG = 65536  # changes kept in order while the disk is slow; more fold into one per user
_TRIM_EVERY = 3600.0  # seconds, at most
_CLOCK_SLACK = 60 * SECOND
_COPY = 256
_JOIN = 2.0

_NUMBERS = {  # in the file
    UserStatus.OFFLINE: OFFLINE,
    UserStatus.ONLINE: ONLINE,
    UserStatus.UNKNOWN: UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Sample:
    """The client at one moment."""

    moment: int  # by the wall
    instant: float  # the same, as events count
    generation: int
    state: SyncState
    frames: int
    resyncs: int

    @property
    def is_synced(self) -> bool:
        return self.state is SyncState.SYNCED

    def seconds_since(self, before: "_Sample") -> float:
        """By the clock that says more: one of them stops while a laptop sleeps."""
        return max(self.instant - before.instant, (self.moment - before.moment) / SECOND)


class PresenceRecorder:
    """Writes who comes online and who goes offline into the SQLite file at `path`.

        with client, PresenceRecorder(client, "presence.db", retention=90 * 86400):
            client.run_forever()

    It begins when it is made, whatever the client is doing, and ends with close(), with the
    client, or at the exit of the process.  PresenceHistory reads the file, also meanwhile.  What
    `retention` seconds have passed over is deleted; None keeps everything.  This is personal data:
    tell the people whom you record, and keep no more than you need.

    **What is known.**  Statuses are known while the client is SYNCED.  When the connection ends,
    what came after the last event or pong is unknown, and so is everything until the client is
    SYNCED again: a server that closes costs up to `ping_interval` seconds, a link that dies
    silently the time until the ping notices (18 s unless you changed it).  A process that is killed
    leaves at most `ping_interval` seconds before its end unknown.  A process or machine that stood
    still for 5 s or more (SIGSTOP, a laptop asleep) knows nothing of that time, nor until the
    server has been heard of again: changes read then are not written, for nobody knows when they
    happened.  Shorter stops are not seen: what happened in them is written as of when it was read,
    so less than 5 s late.

    When a file goes on with another PresenceScope, those whom it does not cover are unknown from
    then on, and those whom it adds are unknown before.  Nor is anything known while the client is
    DEGRADED.

    **What is safe.**  When flush() returns, all that the client had received before is on the disk,
    and neither kill -9 nor a power failure takes it away.  Without flush() that takes about 0.1 s.
    If the disk refuses, or the file is moved or deleted, on_error() hears of it (``"history"``), the
    file stays whole, and what could not be written is unknown; it goes on when that is mended.

    **Whose clock.**  Moments are when a change was received, by this machine's clock: the server's
    clock, in whole seconds and perhaps wrong, is kept beside them (column ``server_at``).  When
    the clock is set back, the history's time stands still until the clock has caught up.

    It has a thread of its own and reads changes beside the handlers, so it slows no handler down
    and a slow handler does not disturb it.  All methods may be called from any thread.  One file
    takes one recorder at a time; a file belongs to one app.
    """

    def __init__(
        self, client: _Common, path: str | os.PathLike[str], *, retention: float | None = None
    ) -> None:
        self._core = _check_client(client)
        self._scope = client._scope
        self._retention = _check_retention(retention)
        self._reports = client._reports
        self._tape = Tape(Path(path), client.app_id)
        try:
            _check_clock(self._tape.latest, Path(path))
            self._feed = self._core.open_feed(_BACKLOG, "coalesce")
        except BaseException:
            self._tape.close()
            raise
        self._pid = os.getpid()
        self._lock = threading.RLock()  # for all below, and the tape
        self._is_open = True
        self._generation = 0  # of the connection watched
        self._sample = self._rested = self._look()
        self._settled_at: float | None = None  # after a standstill: when to trust frames again
        self._trimmed_at = -_TRIM_EVERY
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._record, name="cometpresence history", daemon=True
        )
        self._turn()  # here, so that what cannot work is told at once
        atexit.register(self.close)
        self._thread.start()

    # ---- life

    def flush(self) -> None:
        """Have everything the client received so far on the disk when this returns.

        Blocks for as long as the disk takes, a few milliseconds; raises what the disk said if it
        refused.  Does nothing once the recorder is closed.
        """
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._turn()

    def close(self) -> None:
        """Write what is left and end the recording; the client goes on.

        Idempotent, from any thread, also in a handler.  Raises what the disk said if it refused;
        the recording has ended then, too.
        """
        if os.getpid() != self._pid:
            return  # a forked child: the file is its parent's
        try:
            with self._lock:
                self._end()
        finally:
            self._stop.set()
            if self._thread is not threading.current_thread():
                self._thread.join(_JOIN)
            atexit.unregister(self.close)

    @property
    def written(self) -> int:
        """How many changes it has written, those found at its beginning and after gaps included."""
        return self._tape.written

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    # ---- the thread

    def _record(self) -> None:
        is_failing = False
        while self._await_changes():
            try:
                with self._lock:
                    self._turn()
                is_failing = False
            except sqlite3.Error as error:
                if not is_failing:  # once, however long it lasts
                    self._reports(error, "history")
                is_failing = True
        try:
            with self._lock:
                self._end()
        except sqlite3.Error as error:
            self._reports(error, "history")

    def _await_changes(self) -> bool:
        """Sleep until there is something to write, or to look at; False: the client is closed, or
        we are."""
        try:
            if self._feed.wait(_BEAT):
                self._stop.wait(_GATHER)
        except ClientClosed:
            return False
        except CometChatException:  # the server refused the client: until somebody logs in again
            self._stop.wait(_BEAT)
        return not self._stop.is_set()

    # ---- one turn; the lock is held

    def _turn(self) -> None:
        """Write what happened since the turn before."""
        if not self._is_open:
            return
        try:
            self._tape.check_place()
            before, now = self._sample, self._look()
            changes = self._take()  # after the look: all that led to this state is among them
            self._sample = now
            if now.seconds_since(self._rested) >= _STANDSTILL:
                # What came since tells when it was read, and not when it happened.
                changes = [each for each in changes if each.received_at <= before.instant]
                self._settled_at = now.instant + _SETTLE
            if self._tape.is_watching:
                self._follow(before, now, changes)
            if now.is_synced and not self._tape.is_watching and self._is_settled(before, now):
                self._begin()
            self._trim(now)
        finally:
            self._rested = self._look()  # a slow disk is no standstill

    def _is_settled(self, before: _Sample, now: _Sample) -> bool:
        """Whether the picture is of now: what piled up during a standstill may not be read yet."""
        if self._settled_at is None or now.generation != self._generation:
            return True
        return before.instant >= self._settled_at and now.frames > before.frames

    def _follow(self, before: _Sample, now: _Sample, changes: "list[PresenceEvent]") -> None:
        is_awake = self._settled_at is None
        goes_on = is_awake and now.is_synced and now.generation == self._generation
        known = [change for change in changes if change.generation == self._generation]
        until = 0
        if goes_on and now.frames > before.frames:
            until = before.moment  # a frame came since, so none before is missing
        elif now.state is SyncState.CLOSED and before.is_synced:
            until = before.moment  # its owner closed it: there was nothing wrong with it
        audited = self._picture() if goes_on and now.resyncs > before.resyncs else None
        if known or audited is not None or until > self._tape.latest:
            with self._tape.writing():
                for change in known:
                    self._write(change, now)
                if audited is not None:  # who is out of scope now left without a word
                    self._tape.compare(audited, self._status_of, now.moment)
                self._tape.vouch(until)
        if not goes_on:
            self._tape.end_watch()

    def _begin(self) -> None:
        """Begin a watch with the picture as it is, unless that changes meanwhile."""
        generation = self._core.generation
        picture = self._picture()
        after = self._look()
        if not after.is_synced or after.generation != generation:
            return
        with self._tape.writing():
            self._tape.begin_watch(after.moment)
            is_other = self._tape.cover(self._watched())
            self._tape.compare(picture, self._status_of, after.moment, everybody=is_other)
        self._generation = generation
        self._settled_at = None

    def _end(self) -> None:
        """Write what is left, and that all is known up to now, if it is."""
        if not self._is_open:
            return
        try:
            self._turn()
            if self._tape.is_watching:
                with self._tape.writing():
                    self._tape.vouch(self._sample.moment)
        finally:
            self._is_open = False
            self._feed.close()
            self._tape.close()

    def _trim(self, now: _Sample) -> None:
        if self._retention is None:
            return
        if now.instant - self._trimmed_at < min(_TRIM_EVERY, self._retention / 10):
            return
        with self._tape.writing():
            self._tape.trim(now.moment - int(self._retention * SECOND))
        self._trimmed_at = now.instant

    def _write(self, change: "PresenceEvent", now: _Sample) -> None:
        age = now.instant - change.received_at  # below zero: it came after the look
        self._tape.write(
            change.user.uid,
            change.user.name,
            ONLINE if change.online else OFFLINE,
            now.moment - int(age * SECOND),
            None if change.at is None else int(change.at.timestamp()),
        )

    # ---- what the client knows

    def _look(self) -> _Sample:
        """Generation, state, frames: in this order a connection that changes meanwhile is seen at
        the next look, and never taken for the old one."""
        moment, instant = time.time_ns() // 1000, time.monotonic()
        generation, state, stats = self._core.generation, self._core.sync_state, self._core.stats()
        return _Sample(moment, instant, generation, state, stats.frames, stats.resyncs)

    def _take(self) -> "list[PresenceEvent]":
        changes = self._feed.take(_BACKLOG)
        while more := self._feed.take(_BACKLOG):
            changes += more
        changes.sort(key=lambda change: change.received_at)  # folded ones come in any order
        return changes

    def _picture(self) -> dict[str, str]:
        """Names by uid of all who are online."""
        return {user.uid: user.name for user in _online(self._core)}

    def _watched(self) -> str:
        """Whom the client can know of: the same text for the same users."""
        scope, me = self._scope, self._core.me
        friend_of = me.uid if me is not None and scope.subscription == "friends" else None
        roles, named = sorted(scope.role_names), sorted(scope.watched)
        return json.dumps([scope.subscription, friend_of, roles, named])

    def _status_of(self, uid: str) -> int:
        return _NUMBERS[self._core.status(uid)]


def _online(core: "Client") -> "Iterator[User]":
    users, cursor = core.copy(0, True, _COPY)
    while users:
        yield from users
        users, cursor = core.copy(cursor, True, _COPY)


# ---- what it is made with


def _check_client(client: object) -> "Client":
    if not isinstance(client, _Common):
        raise ConfigError(
            "INVALID_PARAMETER",
            f"The client must be a PresenceClient, not {type(client).__name__}.",
        )
    if client._scope.is_empty:
        raise ConfigError(
            "ERR_NO_SUBSCRIPTION",
            "Nobody's presence is subscribed to, so there is nothing to record: "
            "presence=PresenceScope.all_users() subscribes.",
        )
    return client._core


def _check_retention(retention: object) -> float | None:
    if retention is None:
        return None
    is_number = isinstance(retention, (int, float)) and not isinstance(retention, bool)
    if not is_number or not 0 < retention < 1e10:  # type: ignore[operator]
        raise ConfigError(
            "INVALID_PARAMETER",
            f"retention: seconds to keep, such as 90 * 86400, or None for ever, not {retention!r}.",
        )
    return float(retention)  # type: ignore[arg-type]


def _check_clock(latest: int, path: Path) -> None:
    if latest > time.time_ns() // 1000 + _CLOCK_SLACK:
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{path} ends at {as_datetime(latest):%Y-%m-%d %H:%M:%S} UTC, which is in the future "
            "by this machine's clock: set the clock, or record into a new file.",
        )
