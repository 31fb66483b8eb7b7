"""A tape written at random and read again, against a model that keeps a status for each hour."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cometpresence import UserStatus
from cometpresence.history import PresenceHistory, Shift
from cometpresence.history.moments import SECOND
from cometpresence.history.schema import OFFLINE, ONLINE, UNKNOWN
from cometpresence.history.tape import Tape

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 3, 27, 12, tzinfo=BERLIN)  # two days before the clocks go forward
HOURS = 120
IN_MEMORY = next((path for path in ("/dev/shm",) if os.access(path, os.W_OK)), None)
UIDS = ("alice", "bob", "carol")
WORDS = {OFFLINE: UserStatus.OFFLINE, ONLINE: UserStatus.ONLINE, UNKNOWN: UserStatus.UNKNOWN}


def moment(hour: int) -> int:
    return (int(BEGIN.timestamp()) + hour * 3600) * SECOND


def instant(hour: int) -> datetime:
    return BEGIN.astimezone(UTC) + timedelta(hours=hour)


class Model:
    """What is known of each hour: the statuses of all, or nothing."""

    def __init__(self) -> None:
        self.hours: dict[int, dict[str, int]] = {}
        self.known: list[int] = []  # moments at which something was vouched for
        self._current: dict[str, int] | None = None
        self._reached = 0

    def begin(self, hour: int, online: frozenset[str]) -> None:
        self._current = {uid: ONLINE if uid in online else OFFLINE for uid in UIDS}
        self._reached = hour
        self.known.append(hour)

    def vouch(self, hour: int) -> None:
        assert self._current is not None
        for each in range(self._reached, hour):
            self.hours[each] = dict(self._current)
        self._reached = hour
        self.known.append(hour)

    def change(self, hour: int, uid: str, status: int) -> None:
        assert self._current is not None
        if self._current[uid] != status:
            self.vouch(hour)
            self._current[uid] = status

    def now(self, uid: str) -> int:
        assert self._current is not None
        return self._current[uid]

    def end(self) -> None:
        self._current = None

    def trim(self, cutoff: int) -> None:
        cutoff = min(cutoff, max(self.known, default=0))
        self.hours = {hour: all_ for hour, all_ in self.hours.items() if hour >= cutoff}

    def status(self, uid: str, hour: int) -> int:
        return self.hours[hour][uid] if hour in self.hours else UNKNOWN


@dataclass(frozen=True, slots=True)
class Step:
    """Some hours later, something happens; a watch begins first, if there is none."""

    wait: int
    what: str
    uid: str
    status: int
    online: frozenset[str]
    age: int


STEPS = st.lists(
    st.builds(
        Step,
        wait=st.integers(0, 14),
        what=st.sampled_from(["change", "change", "change", "vouch", "end", "crash", "trim"]),
        uid=st.sampled_from(UIDS),
        status=st.sampled_from([ONLINE, ONLINE, OFFLINE, OFFLINE, UNKNOWN]),
        online=st.frozensets(st.sampled_from(UIDS)),
        age=st.integers(0, 40),
    ),
    min_size=3,
    max_size=25,
)


def play(path: Path, steps: list[Step]) -> Model:
    """The same to the tape and to the model."""
    model, tape, hour = Model(), Tape(path, "app"), 0
    for step in steps:
        hour = min(hour + step.wait, HOURS)
        with tape.writing():
            take(step, hour, tape, model)
        if step.what in ("end", "crash"):
            model.end()
            tape.end_watch()
        if step.what == "crash":
            tape.close()
            tape = Tape(path, "app")
    tape.close()
    return model


def take(step: Step, hour: int, tape: Tape, model: Model) -> None:
    if step.what == "trim":
        tape.trim(moment(hour - step.age))
        model.trim(hour - step.age)
    elif not tape.is_watching:
        tape.begin_watch(moment(hour))
        tape.compare(dict.fromkeys(step.online, ""), lambda uid: OFFLINE, moment(hour))
        model.begin(hour, step.online)
    elif step.what == "vouch":
        tape.vouch(moment(hour))
        model.vouch(hour)
    elif step.what == "change" and (step.status, model.now(step.uid)) != (UNKNOWN, OFFLINE):
        tape.write(step.uid, "", step.status, moment(hour))  # who is unknown was here before
        model.change(hour, step.uid, step.status)


def hours_of(start: datetime, end: datetime) -> Iterator[int]:
    first, last = ((at - BEGIN) / timedelta(hours=1) for at in (start, end))
    assert first == int(first)
    assert last == int(last)
    return iter(range(int(first), int(last)))


@settings(max_examples=100, deadline=None)
@given(STEPS, st.integers(-5, HOURS), st.integers(1, HOURS))
def test_what_is_read_is_what_was_written(steps: list[Step], since: int, length: int) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        path = Path(folder, "presence.db")
        model = play(path, steps)
        with PresenceHistory(path) as history:
            check(history, model, since, since + length)


def check(history: PresenceHistory, model: Model, since: int, until: int) -> None:
    window = (instant(since), instant(until))
    span = history.span
    if span is None:
        assert not model.hours
        assert history.sessions(None, *window) == []
        return
    # Without a window: from the first to the last that is known.
    whole = sorted(model.hours)
    if whole:
        assert span.start <= instant(whole[0])
        assert span.end == instant(whole[-1] + 1) or span.end == instant(max(model.known))
    in_file = history.users().keys()
    for uid in set(UIDS) - in_file:
        assert not any(model.status(uid, hour) == ONLINE for hour in model.hours)
    everywhere = range(since, until)
    check_sessions(history, model, window, everywhere, sorted(in_file))
    check_concurrency(history, model, window, everywhere)
    check_days(history, model, window, everywhere, sorted(in_file))
    check_shifts(history, model, window, everywhere, sorted(in_file))


def check_sessions(
    history: PresenceHistory, model: Model, window: Any, hours: range, uids: list[str]
) -> None:
    found = {uid: dict.fromkeys(hours, OFFLINE) for uid in uids}
    latest: dict[str, datetime] = {}
    for session in history.sessions(None, *window):
        assert session.end is not None
        assert session.start < session.end
        assert session.start >= latest.get(session.uid, session.start)
        latest[session.uid] = session.end
        for hour in hours_of(session.start, session.end):
            found[session.uid][hour] = ONLINE if session.status == "online" else UNKNOWN
    assert found == {uid: {hour: model.status(uid, hour) for hour in hours} for uid in uids}
    for uid in uids:
        assert history.sessions(uid.upper(), *window) == [
            session for session in history.sessions(None, *window) if session.uid == uid
        ]


def check_concurrency(history: PresenceHistory, model: Model, window: Any, hours: range) -> None:
    counted: dict[int, int | None] = {}
    for count in history.concurrency(*window):
        counted |= dict.fromkeys(hours_of(count.start, count.end), count.online)
    assert counted == {
        hour: sum(model.status(uid, hour) == ONLINE for uid in UIDS)
        if hour in model.hours
        else None
        for hour in hours
    }


def check_days(
    history: PresenceHistory, model: Model, window: Any, hours: range, uids: list[str]
) -> None:
    expected: defaultdict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    for uid in uids:
        for hour in hours:
            day = instant(hour).astimezone(BERLIN).date()
            expected[uid, day][0] += model.status(uid, hour) == ONLINE
            expected[uid, day][1] += model.status(uid, hour) == UNKNOWN
    found = {
        (row.uid, row.day): [row.online / timedelta(hours=1), row.unknown / timedelta(hours=1)]
        for row in history.time_online(None, *window, tz="Europe/Berlin")
    }
    assert found == {key: sums for key, sums in expected.items() if any(sums)}


def check_shifts(
    history: PresenceHistory, model: Model, window: Any, hours: range, uids: list[str]
) -> None:
    shifts = [Shift("night", time(22), time(6)), Shift("day", time(6), time(14))]
    expected: defaultdict[tuple[str, date, str], int] = defaultdict(int)
    for uid in uids:
        for hour in hours:
            local = instant(hour).astimezone(BERLIN)
            if 6 <= local.hour < 14:
                expected[uid, local.date(), "day"] += model.status(uid, hour) == ONLINE
            if local.hour >= 22 or local.hour < 6:
                began = (local.replace(tzinfo=None) - timedelta(hours=6)).date()
                expected[uid, began, "night"] += model.status(uid, hour) == ONLINE
    found = {
        (row.uid, row.day, row.shift): row.online / timedelta(hours=1)
        for row in history.time_online(None, *window, tz=BERLIN, shifts=shifts)
        if row.online
    }
    assert found == {key: total for key, total in expected.items() if total}
