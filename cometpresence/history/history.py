"""PresenceHistory: questions to a file that a PresenceRecorder wrote, or is writing."""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, TextIO

from .._arguments import check_texts
from ..errors import ConfigError
from ..values import UserStatus
from .moments import as_datetime, as_moment, check_zone, local_moment
from .records import Headcount, OnlineTime, Session, Shift, Span
from .schema import OFFLINE, ONLINE, UNKNOWN, open_for_reading
from .sheet import write_counts, write_sessions, write_times
from .timeline import Piece, gaps, headcounts, pieces, samples, total

__all__ = ["PresenceHistory"]

_STATUSES = {ONLINE: UserStatus.ONLINE, UNKNOWN: UserStatus.UNKNOWN}
_WHOLE_DAY = Shift("", time.min, time.min)
_MOST_SAMPLES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Own:
    """One user's time, without holes."""

    uid: str
    name: str
    pieces: list[Piece]
    latest: int  # status at the end


@dataclass(frozen=True, slots=True)
class _Extract:
    """What the file says about a stretch of time."""

    since: int
    until: int
    horizon: int  # what is known ends here
    known: list[tuple[int, int]]
    users: list[_Own]


class PresenceHistory(AbstractContextManager["PresenceHistory"]):
    """Who was online when, from the file at `path`.

        with PresenceHistory("presence.db") as history:
            for session in history.sessions("alice"):
                print(session.status, session.start, session.duration)

    The file is opened for reading only, and may be written meanwhile; each question is answered
    from one moment of it.  `since` and `until` are datetimes with a time zone; without them a
    question is about all that is known.  `uid` is one or several, compared without case as the
    server does; None is everybody in the file.  Use it from any thread.

    What no recorder watched is UNKNOWN: before the first and after the last, while the process was
    not running or the client not synchronised.  Somebody who is not in the file was never seen
    online.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._db = open_for_reading(self._path)
        self._lock = threading.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Close the file.  Idempotent."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    # ---- what there is

    @property
    def span(self) -> Span | None:
        """From when until when something is known; None: nothing yet.

        While it is being recorded the end moves on with what happens, and at least every
        `ping_interval` of the client.
        """
        with self._reading() as db:
            began, until = _extent(db)
        return None if began is None else Span(as_datetime(began), as_datetime(until))

    def users(self) -> dict[str, str]:
        """Names by uid of everybody in the file."""
        with self._reading() as db:
            return dict(db.execute("SELECT uid, name FROM users ORDER BY uid"))

    def gaps(self, since: datetime | None = None, until: datetime | None = None) -> list[Span]:
        """When nothing was known about anybody."""
        extract = self._extract((), since, until)
        if extract is None:
            return []
        return [
            Span(as_datetime(start), as_datetime(end))
            for start, end in gaps(extract.known, extract.since, extract.until)
        ]

    # ---- who was online

    def sessions(
        self,
        uid: str | Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Session]:
        """The times at which users were online, and those of which nobody knows; by user, then by
        time, cut at `since` and `until`.  Moments are in UTC."""
        extract = self._extract(uid, since, until)
        return [] if extract is None else list(_sessions_of(extract, is_open=until is None))

    def time_online(
        self,
        uid: str | Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        tz: str | tzinfo = UTC,
        shifts: Sequence[Shift] = (),
    ) -> list[OnlineTime]:
        """How long users were online on each day of a time zone, or in each of its `shifts`.

        By user, then by time.  Days are as long as the zone has them: 23 or 25 hours when its
        clocks change.  The first and the last are cut at `since` and `until`.  Those on which
        somebody is known to have been offline throughout are left out.
        """
        zone = check_zone(tz)
        extract = self._extract(uid, since, until)
        if extract is None:
            return []
        windows = list(_windows(extract.since, extract.until, zone, shifts or [_WHOLE_DAY]))
        return [found for own in extract.users for found in _times_of(own, windows, zone)]

    def concurrency(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        uid: str | Collection[str] | None = None,
        every: timedelta | None = None,
    ) -> list[Headcount]:
        """How many (of these users) were online at once, from each change to the next, without
        holes; None where nobody knows.

        With `every` one for each step of that length, such as ``timedelta(minutes=15)``: as many
        as were online at its beginning.  The last step ends with the window.  Somebody whose own
        status is unknown while others' is known is not counted.
        """
        step = None if every is None else _check_step(every)
        extract = self._extract(uid, since, until)
        if extract is None:
            return []
        everybody = (own.pieces for own in extract.users)
        counts = headcounts(everybody, extract.known, extract.since, extract.until)
        if step is not None:
            if (extract.until - extract.since) // step >= _MOST_SAMPLES:
                raise ConfigError(
                    "INVALID_PARAMETER",
                    f"every={every!r} are more than {_MOST_SAMPLES:,} steps: take longer ones.",
                )
            counts = samples(counts, step)
        return [Headcount(as_datetime(start), as_datetime(end), n) for start, end, n in counts]

    def to_csv(
        self,
        target: str | os.PathLike[str] | TextIO,
        uid: str | Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        tz: str | tzinfo = UTC,
        what: Literal["sessions", "time_online", "concurrency"] = "sessions",
        shifts: Sequence[Shift] = (),
        every: timedelta | None = None,
    ) -> int:
        """Write an answer as comma-separated values, into a file or to a stream; how many rows.

        `what` is the question: sessions(), time_online(), which takes `shifts`, or concurrency(),
        which takes `every`.  Columns:

        * sessions: uid, name, status, start, end, seconds, online_at_end; that is "yes" for one
          that has not ended, whose end and seconds are empty
        * time_online: uid, name, day, shift, start, end, online_seconds, unknown_seconds
        * concurrency: start, end, online; empty where nobody knows

        Moments are ISO 8601 in `tz`.  A name that a spreadsheet would take for a formula gets an
        apostrophe in front.
        """
        zone = check_zone(tz)
        write: Callable[[TextIO], int]  # the answer first: what is refused empties no file
        if what == "sessions":
            sessions = self.sessions(uid, since, until)
            write = partial(write_sessions, sessions=sessions, zone=zone)
        elif what == "time_online":
            times = self.time_online(uid, since, until, tz=zone, shifts=shifts)
            write = partial(write_times, times=times, zone=zone)
        elif what == "concurrency":
            counts = self.concurrency(since, until, uid=uid, every=every)
            write = partial(write_counts, counts=counts, zone=zone)
        else:
            raise ConfigError(
                "INVALID_PARAMETER",
                f"what must be 'sessions', 'time_online' or 'concurrency', not {what!r}.",
            )
        if not isinstance(target, (str, os.PathLike)):
            return write(target)
        self._refuse_itself(target)
        with open(target, "w", encoding="utf-8", newline="") as file:
            return write(file)

    def draw(
        self,
        path: str | os.PathLike[str],
        uid: str | Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        tz: str | tzinfo = UTC,
        title: str = "Who was online",
        most: int = 40,
    ) -> None:
        """Draw a bar for each user's time online, and below how many were at once, into a file that
        ends in .png, .svg or .pdf; what nobody knows is hatched.

        At most `most` users, those online longest.  Needs matplotlib (ImportError):
        ``pip install 'cometpresence[report]'``.
        """
        from .summary import summarize

        try:
            from .picture import FORMATS, draw
        except ModuleNotFoundError as error:
            raise ImportError(
                "drawing needs matplotlib: pip install 'cometpresence[report]'"
            ) from error
        zone, file = check_zone(tz), Path(path)
        if file.suffix.lower() not in FORMATS:
            raise ConfigError(
                "INVALID_PARAMETER", f"{file} must end in {', '.join(FORMATS)}: that is the format."
            )
        self._refuse_itself(file)
        summary = summarize(self, uid, since, until)
        if summary is None:
            raise ConfigError("INVALID_PARAMETER", f"{self._path} has nothing to draw yet.")
        draw(summary, file, zone, title, most)

    def _refuse_itself(self, target: str | os.PathLike[str]) -> None:
        """Before an answer is written over what was recorded, by whatever name."""
        if os.path.exists(target) and os.path.samefile(target, self._path):
            raise ConfigError(
                "INVALID_PARAMETER",
                f"{os.fspath(target)} is the recording itself: name another file.",
            )

    # ---- reading the file

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the file."""
        with self._lock:
            if self._is_closed:
                raise ConfigError(
                    "HISTORY_CLOSED",
                    f"The history is closed: PresenceHistory({str(self._path)!r}) opens it.",
                )
            self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                self._db.execute("ROLLBACK")

    def _extract(
        self, uid: str | Collection[str] | None, since: datetime | None, until: datetime | None
    ) -> _Extract | None:
        """What the file says about these users; None: there is nothing in it."""
        wanted = _wanted(uid)
        start = None if since is None else as_moment(since, "since")
        end = None if until is None else as_moment(until, "until")
        if start is not None and end is not None and start >= end:
            raise ConfigError(
                "INVALID_PARAMETER", f"since ({since}) must be before until ({until})."
            )
        with self._reading() as db:
            began, horizon = _extent(db)
            if began is None:
                return None
            start = began if start is None else start
            end = max(horizon, start) if end is None else end
            known = list(db.execute("SELECT began, until FROM watches ORDER BY id"))
            users = [
                (number, uid_, name)
                for number, uid_, name in db.execute("SELECT id, uid, name FROM users ORDER BY uid")
                if wanted is None or uid_.lower() in wanted
            ]
            changes = _changes(db, [number for number, *_ in users], wanted is None, start, end)
        return _Extract(
            start,
            end,
            horizon,
            known,
            [
                _own(uid_, name, changes.get(number, []), known, start, end)
                for number, uid_, name in users
            ],
        )


def _check_step(every: object) -> int:
    if not isinstance(every, timedelta) or every < timedelta(milliseconds=1):
        raise ConfigError(
            "INVALID_PARAMETER",
            f"every must be a timedelta such as timedelta(minutes=15), not {every!r}.",
        )
    return int(every / timedelta(microseconds=1))


def _wanted(uid: str | Collection[str] | None) -> set[str] | None:
    if uid is None:
        return None
    return {each.lower() for each in ((uid,) if isinstance(uid, str) else check_texts(uid, "uids"))}


def _extent(db: sqlite3.Connection) -> tuple[int | None, int]:
    """The first and the last moment of which something is known."""
    row = db.execute("SELECT min(began), coalesce(max(until), 0) FROM watches").fetchone()
    return row[0], row[1]


def _changes(
    db: sqlite3.Connection, users: list[int], is_everybody: bool, since: int, until: int
) -> dict[int, list[tuple[int, int]]]:
    """For each user the last change up to `since`, and all up to `until`, in order."""
    whose = "" if is_everybody else f"AND user IN ({','.join(map(str, users))})"
    before = f"""SELECT user, at, status FROM changes WHERE id IN
        (SELECT max(id) FROM changes WHERE at <= :since {whose} GROUP BY user)"""
    within = f"""SELECT user, at, status FROM changes
        WHERE at > :since AND at <= :until {whose} ORDER BY id"""
    found: dict[int, list[tuple[int, int]]] = {}
    for query in (before, within):
        for user, at, status in db.execute(query, {"since": since, "until": until}):
            found.setdefault(user, []).append((at, status))
    return found


# ---- answers


def _own(
    uid: str,
    name: str,
    changes: list[tuple[int, int]],
    known: list[tuple[int, int]],
    since: int,
    until: int,
) -> _Own:
    latest = changes[-1][1] if changes else OFFLINE
    return _Own(uid, name, pieces(changes, known, since, until), latest)


def _sessions_of(extract: _Extract, *, is_open: bool) -> Iterator[Session]:
    """`is_open`: up to the end of what is known, where what goes on has no end."""
    goes_on = is_open and extract.until == extract.horizon
    for own in extract.users:
        found = [piece for piece in own.pieces if piece[2] != OFFLINE]
        is_online = goes_on and own.latest == ONLINE
        if is_online and not (found and found[-1][1:] == (extract.horizon, ONLINE)):
            found.append((extract.horizon, extract.horizon, ONLINE))  # came just now
        for start, end, status in found:
            is_last = is_online and end == extract.horizon and status == ONLINE
            yield Session(
                *(own.uid, own.name, _STATUSES[status], as_datetime(start)),
                end=None if is_last else as_datetime(end),
            )


def _windows(
    since: int, until: int, zone: tzinfo, shifts: Sequence[Shift]
) -> Iterator[tuple[date, str | None, int, int]]:
    """The days or shifts between two moments, by their beginning."""
    day = as_datetime(since, zone).date() - timedelta(days=1)  # a shift may reach into the next
    last = as_datetime(until, zone).date()
    while day <= last:
        found = []
        begins, ends = (
            local_moment(each, time.min, zone) for each in (day, day + timedelta(days=1))
        )
        for shift in shifts if begins < ends else ():  # there are days that a zone leaves out
            ends_on = day + timedelta(days=shift.ends <= shift.begins)
            start = max(since, local_moment(day, shift.begins, zone))
            end = min(until, local_moment(ends_on, shift.ends, zone))
            if start < end:
                found.append((start, end, shift.name or None))
        yield from (
            (day, name, start, end) for start, end, name in sorted(found, key=lambda f: f[0])
        )
        day += timedelta(days=1)


def _times_of(
    own: _Own,
    windows: Sequence[tuple[date, str | None, int, int]],
    zone: tzinfo,
) -> Iterator[OnlineTime]:
    online = [(start, end) for start, end, status in own.pieces if status == ONLINE]
    unknown = [(start, end) for start, end, status in own.pieces if status == UNKNOWN]
    for day, shift, start, end in windows:
        here, unclear = total(online, start, end), total(unknown, start, end)
        if here or unclear:
            yield OnlineTime(
                *(own.uid, own.name, day, shift),
                start=as_datetime(start, zone),
                end=as_datetime(end, zone),
                online=timedelta(microseconds=here),
                unknown=timedelta(microseconds=unclear),
            )
