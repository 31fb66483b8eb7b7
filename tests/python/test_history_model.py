"""A tape written at random and read again, against a model that keeps a status for each half-hour."""

import os
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometpresence import UserStatus
from cometpresence.history import PresenceHistory, Shift
from cometpresence.history.moments import SECOND
from cometpresence.history.schema import NEVER, OFFLINE, ONLINE, UNKNOWN
from cometpresence.history.tape import Tape

SLOT = timedelta(minutes=30)  # as much as Lord Howe's clocks change
SLOTS = 120
IN_MEMORY = next((path for path in ("/dev/shm",) if os.access(path, os.W_OK)), None)
UIDS = ("alice", "bob", "carol")
WORDS = {OFFLINE: UserStatus.OFFLINE, ONLINE: UserStatus.ONLINE, UNKNOWN: UserStatus.UNKNOWN}


class Where(NamedTuple):
    """A time zone, and noon of the day before its clocks change."""

    zone: ZoneInfo
    begin: datetime

    def instant(self, slot: int) -> datetime:
        return self.begin.astimezone(UTC) + slot * SLOT

    def moment(self, slot: int) -> int:
        return int(self.instant(slot).timestamp()) * SECOND

    def slots(self, start: datetime, end: datetime) -> range:
        """Those between two instants, which must be edges of such."""
        (first, part), (last, other) = (divmod(at - self.begin, SLOT) for at in (start, end))
        assert not part
        assert not other
        return range(first, last)


def before_a_change(name: str, month: int, day: int) -> Where:
    zone = ZoneInfo(name)
    return Where(zone, datetime(2026, month, day, 12, tzinfo=zone))


PLACES = {
    "Berlin, forward": before_a_change("Europe/Berlin", 3, 28),
    "Berlin, back": before_a_change("Europe/Berlin", 10, 24),
    "Lord Howe, back": before_a_change("Australia/Lord_Howe", 4, 4),
    "Lord Howe, forward": before_a_change("Australia/Lord_Howe", 10, 3),
    "Santiago, at midnight": before_a_change("America/Santiago", 9, 5),
}


class Model:
    """What is known of each slot of time: the statuses of all, or nothing."""

    def __init__(self) -> None:
        self.slots: dict[int, dict[str, int]] = {}
        self.known: list[int] = []  # moments at which something was vouched for
        self._current = dict.fromkeys(UIDS, OFFLINE)
        self._changed: dict[str, int] = {}  # when at last, for those whom the file names
        self._others_offline_since = 0  # those whom it does not; before, nobody knows
        self._reached = 0

    def begin(self, slot: int, online: frozenset[str]) -> None:
        if self._others_offline_since == NEVER:
            self._others_offline_since = slot
        for uid in UIDS:
            self._turn(slot, uid, ONLINE if uid in online else OFFLINE)
        self._reached = slot
        self.known.append(slot)

    def vouch(self, slot: int) -> None:
        for each in range(self._reached, slot):
            self.slots[each] = dict(self._current)
        self._reached = slot
        self.known.append(slot)

    def change(self, slot: int, uid: str, status: int) -> None:
        if self._current[uid] != status:
            self.vouch(slot)
            self._turn(slot, uid, status)

    def _turn(self, slot: int, uid: str, status: int) -> None:
        if self._current[uid] == status:
            return
        if uid not in self._changed:
            for each, statuses in self.slots.items():
                if each < self._others_offline_since:
                    statuses[uid] = UNKNOWN
        self._current[uid] = status
        self._changed[uid] = slot

    def now(self, uid: str) -> int:
        return self._current[uid]

    def trim(self, cutoff: int) -> None:
        cutoff = min(cutoff, max(self.known, default=0))
        self.slots = {slot: all_ for slot, all_ in self.slots.items() if slot >= cutoff}
        for uid, at in list(self._changed.items()):
            if at < cutoff and self._current[uid] == OFFLINE:
                del self._changed[uid]
            elif at <= cutoff and self._current[uid] == UNKNOWN:
                del self._changed[uid]
                self._current[uid] = OFFLINE  # as anybody of whom nothing is said, but for this:
                self._others_offline_since = NEVER

    def status(self, uid: str, slot: int) -> int:
        return self.slots[slot][uid] if slot in self.slots else UNKNOWN


@dataclass(frozen=True, slots=True)
class Step:
    """Some time later, something happens; a watch begins first, if there is none."""

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


def play(path: Path, steps: list[Step], where: Where) -> Model:
    """The same to the tape and to the model."""
    model, tape, slot = Model(), Tape(path, "app"), 0
    for step in steps:
        slot = min(slot + step.wait, SLOTS)
        with tape.writing():
            take(step, slot, tape, model, where)
        if step.what in ("end", "crash"):
            tape.end_watch()
        if step.what == "crash":
            tape.close()
            tape = Tape(path, "app")
    tape.close()
    return model


def take(step: Step, slot: int, tape: Tape, model: Model, where: Where) -> None:
    now = where.moment(slot)
    if step.what == "trim":
        tape.trim(where.moment(slot - step.age))
        model.trim(slot - step.age)
    elif not tape.is_watching:
        tape.begin_watch(now)
        tape.cover("everybody")
        tape.compare(dict.fromkeys(step.online, ""), lambda uid: OFFLINE, now)
        model.begin(slot, step.online)
    elif step.what == "vouch":
        tape.vouch(now)
        model.vouch(slot)
    elif step.what == "change" and (step.status, model.now(step.uid)) != (UNKNOWN, OFFLINE):
        tape.write(step.uid, "", step.status, now)  # who is unknown was here before
        model.change(slot, step.uid, step.status)


@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES.keys())
@settings(max_examples=50, deadline=None)
@given(STEPS, st.integers(-5, SLOTS), st.integers(1, SLOTS))
def test_what_is_read_is_what_was_written(
    where: Where, steps: list[Step], since: int, length: int
) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        path = Path(folder, "presence.db")
        model = play(path, steps, where)
        with PresenceHistory(path) as history:
            check(history, model, where, since, since + length)


def check(history: PresenceHistory, model: Model, where: Where, since: int, until: int) -> None:
    window = (where.instant(since), where.instant(until))
    span = history.span
    if span is None:
        assert not model.slots
        assert history.sessions(None, *window) == []
        return
    # Without a window: from the first to the last that is known.
    whole = sorted(model.slots)
    if whole:
        assert span.start <= where.instant(whole[0])
        assert span.end == where.instant(whole[-1] + 1) or span.end == where.instant(
            max(model.known)
        )
    in_file = history.users().keys()
    for uid in set(UIDS) - in_file:
        assert not any(model.status(uid, slot) == ONLINE for slot in model.slots)
    everywhere = range(since, until)
    check_sessions(history, model, where, window, everywhere, sorted(in_file))
    check_concurrency(history, model, where, window, everywhere)
    check_days(history, model, where, window, everywhere, sorted(in_file))
    check_shifts(history, model, where, window, everywhere, sorted(in_file))


def check_sessions(
    history: PresenceHistory, model: Model, where: Where, window: Any, slots: range, uids: list[str]
) -> None:
    found = {uid: dict.fromkeys(slots, OFFLINE) for uid in uids}
    latest: dict[str, datetime] = {}
    for session in history.sessions(None, *window):
        assert session.end is not None
        assert session.start < session.end
        assert session.start >= latest.get(session.uid, session.start)
        latest[session.uid] = session.end
        for slot in where.slots(session.start, session.end):
            found[session.uid][slot] = ONLINE if session.status == "online" else UNKNOWN
    assert found == {uid: {slot: model.status(uid, slot) for slot in slots} for uid in uids}
    for uid in uids:
        assert history.sessions(uid.upper(), *window) == [
            session for session in history.sessions(None, *window) if session.uid == uid
        ]


def check_concurrency(
    history: PresenceHistory, model: Model, where: Where, window: Any, slots: range
) -> None:
    counted: dict[int, int | None] = {}
    for count in history.concurrency(*window):
        counted |= dict.fromkeys(where.slots(count.start, count.end), count.online)
    assert counted == {
        slot: sum(model.status(uid, slot) == ONLINE for uid in UIDS)
        if slot in model.slots
        else None
        for slot in slots
    }


def check_days(
    history: PresenceHistory, model: Model, where: Where, window: Any, slots: range, uids: list[str]
) -> None:
    expected: defaultdict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    for uid in uids:
        for slot in slots:
            day = where.instant(slot).astimezone(where.zone).date()
            expected[uid, day][0] += model.status(uid, slot) == ONLINE
            expected[uid, day][1] += model.status(uid, slot) == UNKNOWN
    found = {
        (row.uid, row.day): [row.online / SLOT, row.unknown / SLOT]
        for row in history.time_online(None, *window, tz=where.zone.key)
    }
    assert found == {key: sums for key, sums in expected.items() if any(sums)}


def check_shifts(
    history: PresenceHistory, model: Model, where: Where, window: Any, slots: range, uids: list[str]
) -> None:
    shifts = [Shift("night", time(22), time(6)), Shift("day", time(6), time(14))]
    expected: defaultdict[tuple[str, date, str], int] = defaultdict(int)
    for uid in uids:
        for slot in slots:
            local = where.instant(slot).astimezone(where.zone)
            if 6 <= local.hour < 14:
                expected[uid, local.date(), "day"] += model.status(uid, slot) == ONLINE
            if local.hour >= 22 or local.hour < 6:
                began = (local.replace(tzinfo=None) - timedelta(hours=6)).date()
                expected[uid, began, "night"] += model.status(uid, slot) == ONLINE
    found = {
        (row.uid, row.day, row.shift): row.online / SLOT
        for row in history.time_online(None, *window, tz=where.zone, shifts=shifts)
        if row.online
    }
    assert found == {key: total for key, total in expected.items() if total}
