"""What a history answers, about files written by hand."""

import csv
import io
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import cometpresence
from cometpresence import ConfigError, PresenceHistory, Shift, UserStatus
from cometpresence.history import Headcount, Session, Span
from cometpresence.history.moments import as_moment
from cometpresence.history.schema import OFFLINE, ONLINE, UNKNOWN
from cometpresence.history.tape import Tape

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "presence.db"


def record(path: Path, begin: datetime, end: datetime, *changes: tuple[datetime, str, int]) -> None:
    """One watch, in which these changes happened."""
    tape = Tape(path, "app")
    with tape.writing():
        tape.begin_watch(as_moment(begin, "begin"))
        for at, uid, status in changes:
            tape.write(uid, uid.title(), status, as_moment(at, "at"))
        tape.vouch(as_moment(end, "end"))
    tape.close()


def rows_of(path: Path, table: str) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return db.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        db.close()


# ---- sessions


def test_a_session_has_both_ends_or_goes_on(path: Path) -> None:
    record(
        path,
        NOON,
        NOON + 9 * HOUR,
        (NOON + HOUR, "bob", ONLINE),
        (NOON + 2 * HOUR, "bob", OFFLINE),
        (NOON + 4 * HOUR, "bob", ONLINE),
    )
    with PresenceHistory(path) as history:
        first, second = history.sessions()
        assert first == Session("bob", "Bob", UserStatus.ONLINE, NOON + HOUR, NOON + 2 * HOUR)
        assert (first.duration, second.end, second.duration) == (HOUR, None, None)
        assert history.users() == {"bob": "Bob"}
        assert history.span == Span(NOON, NOON + 9 * HOUR)
        assert history.span.duration == 9 * HOUR


def test_since_and_until_cut_and_what_lies_outside_the_recording_is_unknown(path: Path) -> None:
    record(path, NOON, NOON + 4 * HOUR, (NOON, "bob", ONLINE))
    with PresenceHistory(path) as history:
        (whole,) = history.sessions(since=NOON + HOUR, until=NOON + 2 * HOUR)
        assert (whole.start, whole.end) == (NOON + HOUR, NOON + 2 * HOUR)
        around = history.sessions("bob", NOON - HOUR, NOON + 9 * HOUR)
        assert [(each.status, each.start, each.end) for each in around] == [
            ("unknown", NOON - HOUR, NOON),
            ("online", NOON, NOON + 4 * HOUR),
            ("unknown", NOON + 4 * HOUR, NOON + 9 * HOUR),
        ]
        assert history.gaps(NOON - HOUR, NOON + HOUR) == [Span(NOON - HOUR, NOON)]
        (ends_later,) = history.sessions("bob", since=NOON + 5 * HOUR, until=NOON + 6 * HOUR)
        assert ends_later.status is UserStatus.UNKNOWN
        assert history.sessions("bob", since=NOON + 5 * HOUR) == []


def test_users_are_found_whatever_the_case_one_or_several(path: Path) -> None:
    record(path, NOON, NOON + HOUR, *((NOON, uid, ONLINE) for uid in ("alice", "bob", "carol")))
    with PresenceHistory(path) as history:
        assert [each.uid for each in history.sessions("ALICE")] == ["alice"]
        assert [each.uid for each in history.sessions({"bob", "Carol"})] == ["bob", "carol"]
        assert history.sessions("nobody") == history.sessions([]) == []
        (count,) = history.concurrency(uid=["bob", "nobody"])
        assert count == Headcount(NOON, NOON + HOUR, 1)


def test_questions_that_make_no_sense_are_refused_with_the_fix(path: Path) -> None:
    record(path, NOON, NOON + HOUR)
    with PresenceHistory(path) as history:
        with pytest.raises(ConfigError, match=r"with a time zone, such as datetime\.now\(UTC\)"):
            history.sessions(since=datetime(2026, 6, 1))
        with pytest.raises(ConfigError, match="must be before until"):
            history.sessions(since=NOON, until=NOON)
        with pytest.raises(ConfigError, match=r"no time zone known here; .* 'Europe/Berlin'"):
            history.time_online(tz="Mars/Olympus")
        with pytest.raises(ConfigError, match="uids must be a list of texts"):
            history.sessions([1])  # type: ignore[list-item]
        with pytest.raises(ConfigError, match=r"time\(22\)"):
            Shift("night", 22, 6)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="does not exist; a PresenceRecorder makes it"):
        PresenceHistory(path.with_name("missing.db"))


# ---- days and shifts


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_is_as_long_as_its_time_zone_has_it(path: Path, day: date, hours: int) -> None:
    begin = datetime.combine(day, time(), BERLIN) - 24 * HOUR
    record(path, begin, begin + 80 * HOUR, (begin, "bob", ONLINE))
    with PresenceHistory(path) as history:
        rows = {row.day: row for row in history.time_online(tz="Europe/Berlin")}
    assert rows[day].online == hours * HOUR
    assert rows[day].unknown == timedelta()
    assert rows[day].start == datetime.combine(day, time(), BERLIN)
    assert rows[day].end == datetime.combine(day + timedelta(days=1), time(), BERLIN)


def test_days_that_begin_at_one_o_clock_or_do_not_exist_at_all(path: Path) -> None:
    skipped, beirut = ZoneInfo("Pacific/Apia"), ZoneInfo("Asia/Beirut")
    begin = datetime(2011, 12, 28, tzinfo=UTC)
    record(path, begin, begin + 96 * HOUR, (begin, "bob", ONLINE))
    begin = datetime(2026, 3, 28, 22, tzinfo=UTC)  # where midnight is skipped
    record(path, begin - 24 * HOUR, begin + 48 * HOUR)
    with PresenceHistory(path) as history:
        days = [row.day for row in history.time_online(until=begin - 9999 * HOUR, tz=skipped)]
        assert date(2011, 12, 29) in days
        assert date(2011, 12, 30) not in days
        assert date(2011, 12, 31) in days
        rows = history.time_online(since=begin - 2 * HOUR, until=begin + 30 * HOUR, tz=beirut)
        assert [(row.day.day, row.start.astimezone(UTC)) for row in rows] == [
            (28, begin - 2 * HOUR),
            (29, begin),
            (30, begin + 23 * HOUR),
        ]
        assert sum((row.online for row in rows), timedelta()) == 32 * HOUR


def test_a_day_that_a_zone_leaves_out_has_no_shifts(path: Path) -> None:
    begin = datetime(2011, 12, 30, tzinfo=UTC)  # the 29th in Samoa, and then came the 31st
    record(path, begin, begin + 48 * HOUR, (begin, "bob", ONLINE))
    with PresenceHistory(path) as history:
        rows = history.time_online(tz="Pacific/Apia", shifts=[Shift("day", time(8), time(16))])
    assert [(row.day.day, row.online) for row in rows] == [
        (29, 2 * HOUR),
        (31, 8 * HOUR),
        (1, 6 * HOUR),
    ]


def test_a_shift_over_midnight_belongs_to_the_day_it_begins_on(path: Path) -> None:
    begin = datetime(2026, 3, 28, 20, tzinfo=BERLIN)  # the night in which an hour is skipped
    record(path, begin, begin + 30 * HOUR, (begin, "bob", ONLINE))  # to 2 o'clock
    night, late = Shift("night", time(22), time(6)), Shift("late", time(14), time(22))
    with PresenceHistory(path) as history:
        rows = history.time_online(tz=BERLIN, shifts=[late, night])
    assert [(row.day.day, row.shift, row.online) for row in rows] == [
        (28, "late", 2 * HOUR),
        (28, "night", 7 * HOUR),
        (29, "late", 8 * HOUR),
        (29, "night", 4 * HOUR),
    ]


# ---- how many


def test_the_curve_has_a_step_for_each_change_and_holes_are_marked(path: Path) -> None:
    record(
        path,
        NOON,
        NOON + 4 * HOUR,
        (NOON, "alice", ONLINE),
        (NOON + HOUR, "bob", ONLINE),
        (NOON + 2 * HOUR, "alice", OFFLINE),
        (NOON + 2 * HOUR, "carol", ONLINE),
    )
    record(path, NOON + 6 * HOUR, NOON + 8 * HOUR)
    with PresenceHistory(path) as history:
        curve = history.concurrency()
    assert curve == [
        Headcount(NOON, NOON + HOUR, 1),
        Headcount(NOON + HOUR, NOON + 4 * HOUR, 2),
        Headcount(NOON + 4 * HOUR, NOON + 6 * HOUR, None),
        Headcount(NOON + 6 * HOUR, NOON + 8 * HOUR, 2),
    ]


def test_the_curve_can_be_asked_every_so_often(path: Path) -> None:
    quarter = HOUR / 4
    record(
        path,
        NOON,
        NOON + HOUR,
        (NOON, "alice", ONLINE),
        (NOON + quarter, "bob", ONLINE),
        (NOON + 1.5 * quarter, "bob", OFFLINE),
    )
    record(path, NOON + 1.4 * HOUR, NOON + 1.6 * HOUR)
    with PresenceHistory(path) as history:
        curve = history.concurrency(every=quarter)
        assert [count.online for count in curve] == [1, 2, 1, 1, None, None, 1]
        starts = [NOON + number * quarter for number in range(7)]
        assert [(count.start, count.end) for count in curve] == [
            *zip(starts, [*starts[1:], NOON + 1.6 * HOUR], strict=True)
        ]
        for every in (timedelta(), -HOUR, 900):
            with pytest.raises(ConfigError, match=r"timedelta\(minutes=15\)"):
                history.concurrency(every=every)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="more than 1,000,000 steps"):
            history.concurrency(every=timedelta(milliseconds=1))


# ---- CSV


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])  # in which clocks change, here or there
def test_days_and_shifts_of_csv_add_up_to_the_sessions_when_clocks_change(
    path: Path, zone: str, month: int
) -> None:
    begin = datetime(2026, month, 1, tzinfo=UTC)
    record(path, begin, begin + 30 * 24 * HOUR, (begin + 5 * HOUR, "bob", ONLINE))
    thirds = [Shift(f"{a}", time(a), time(b)) for a, b in ((6, 14), (14, 22), (22, 6))]
    until = begin + 30 * 24 * HOUR
    sums = []
    with PresenceHistory(path) as history:
        for shifts in ((), thirds):
            out = io.StringIO(newline="")
            history.to_csv(out, until=until, tz=zone, what="time_online", shifts=shifts)
            rows = list(csv.DictReader(io.StringIO(out.getvalue())))
            assert all(datetime.fromisoformat(row["start"]).tzinfo for row in rows)
            sums.append(sum(float(row["online_seconds"]) for row in rows))
        (session,) = history.sessions(until=until)
    assert session.duration is not None
    assert sums == [session.duration.total_seconds()] * 2 == [(30 * 24 - 5) * 3600.0] * 2


def test_csv_of_how_many_were_online(path: Path) -> None:
    record(path, NOON, NOON + HOUR, (NOON, "bob", ONLINE))
    record(path, NOON + 2 * HOUR, NOON + 3 * HOUR)
    out = io.StringIO(newline="")
    with PresenceHistory(path) as history:
        assert history.to_csv(out, what="concurrency", every=HOUR) == 3
        with pytest.raises(ConfigError, match="'concurrency', not 'users'"):
            history.to_csv(out, what="users")  # type: ignore[arg-type]
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [
        ["start", "end", "online"],
        ["2026-06-01T12:00:00+00:00", "2026-06-01T13:00:00+00:00", "1"],
        ["2026-06-01T13:00:00+00:00", "2026-06-01T14:00:00+00:00", ""],
        ["2026-06-01T14:00:00+00:00", "2026-06-01T15:00:00+00:00", "1"],
    ]


def test_no_answer_is_written_over_the_recording(path: Path, tmp_path: Path) -> None:
    record(path, NOON, NOON + HOUR, (NOON, "bob", ONLINE))
    link, picture = tmp_path / "link.csv", tmp_path / "picture.png"
    link.symlink_to(path)
    picture.hardlink_to(path)
    with PresenceHistory(path) as history:
        for itself in (path, str(path), link):
            with pytest.raises(ConfigError, match="is the recording itself"):
                history.to_csv(itself)
        with pytest.raises(ConfigError, match="is the recording itself"):
            history.draw(picture)
    with PresenceHistory(path) as history:
        assert [session.uid for session in history.sessions()] == ["bob"]


@pytest.mark.parametrize("wrong", [{"what": "wrong"}, {"since": NOON, "until": NOON}], ids=repr)
def test_what_is_refused_leaves_the_file_as_it_was(path: Path, tmp_path: Path, wrong: Any) -> None:
    record(path, NOON, NOON + HOUR)
    there = tmp_path / "there.csv"
    there.write_text("precious")
    with PresenceHistory(path) as history, pytest.raises(ConfigError):
        history.to_csv(there, **wrong)
    assert there.read_text() == "precious"


def test_a_closed_history_says_so(path: Path) -> None:
    record(path, NOON, NOON + HOUR)
    history = PresenceHistory(path)
    history.close()
    history.close()
    for question in (history.sessions, history.users, history.gaps, lambda: history.span):
        with pytest.raises(
            ConfigError, match=r"history is closed: PresenceHistory\('.*'\) opens it"
        ):
            question()


def test_csv_has_a_line_for_each_session(path: Path, tmp_path: Path) -> None:
    record(path, NOON, NOON + HOUR, (NOON, "bob", ONLINE))
    record(path, NOON + 2 * HOUR, NOON + 3 * HOUR)
    out, file = io.StringIO(newline=""), tmp_path / "out.csv"
    with PresenceHistory(path) as history:
        assert history.to_csv(out, tz="Europe/Berlin") == 3
        assert history.to_csv(file, "bob", until=NOON + HOUR) == 1
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [
        ["uid", "name", "status", "start", "end", "seconds", "online_at_end"],
        [
            "bob",
            "Bob",
            "online",
            "2026-06-01T14:00:00+02:00",
            "2026-06-01T15:00:00+02:00",
            "3600.0",
            "no",
        ],
        *[
            [
                "bob",
                "Bob",
                "unknown",
                "2026-06-01T15:00:00+02:00",
                "2026-06-01T16:00:00+02:00",
                "3600.0",
                "no",
            ]
        ],
        ["bob", "Bob", "online", "2026-06-01T16:00:00+02:00", "", "", "yes"],
    ]
    assert "2026-06-01T12:00:00+00:00" in file.read_text()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "\uff1d1"])
def test_no_name_becomes_a_formula_in_a_spreadsheet(path: Path, name: str) -> None:
    tape = Tape(path, "app")
    with tape.writing():
        tape.begin_watch(0)
        tape.write("bob", name, ONLINE, 0)
        tape.vouch(10)
    tape.close()
    out = io.StringIO(newline="")
    with PresenceHistory(path) as history:
        history.to_csv(out)
    assert list(csv.reader(io.StringIO(out.getvalue())))[1][1] == f"'{name}"


# ---- the file


def test_it_can_be_read_while_it_is_written_and_sees_what_is_committed(path: Path) -> None:
    tape = Tape(path, "app")
    with tape.writing():
        tape.begin_watch(as_moment(NOON, "at"))
    with PresenceHistory(path) as history:
        with tape.writing():
            tape.write("bob", "Bob", ONLINE, as_moment(NOON + HOUR, "at"))
            assert history.sessions() == []
        assert [each.uid for each in history.sessions()] == ["bob"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            history._db.execute("DELETE FROM users")
    tape.close()


def test_what_retention_cuts_begins_at_the_cut_and_the_rest_is_gone(path: Path) -> None:
    record(
        path,
        NOON,
        NOON + 9 * HOUR,
        (NOON + HOUR, "gone", ONLINE),
        (NOON + 2 * HOUR, "gone", OFFLINE),
        (NOON + HOUR, "here", ONLINE),
        (NOON + 7 * HOUR, "here", OFFLINE),
        (NOON + 8 * HOUR, "here", ONLINE),
    )
    tape = Tape(path, "app")
    with tape.writing():
        tape.trim(as_moment(NOON + 5 * HOUR, "cutoff"))
    tape.close()
    with PresenceHistory(path) as history:
        assert history.users() == {"here": "Here"}
        assert history.span == Span(NOON + 5 * HOUR, NOON + 9 * HOUR)
        first, second = history.sessions()
        assert (first.start, first.end) == (NOON + 5 * HOUR, NOON + 7 * HOUR)
        assert (second.start, second.end) == (NOON + 8 * HOUR, None)
    assert len(rows_of(path, "changes")) == 3
    assert b"Gone" not in path.read_bytes()  # overwritten, not only unlinked


def test_retention_forgets_whom_nobody_knows_anything_of_any_more(path: Path) -> None:
    tape = Tape(path, "app")
    with tape.writing():
        tape.begin_watch(as_moment(NOON, "at"))
        tape.cover("some")
        for uid in ("back", "gone", "late"):
            tape.write(uid, uid.title(), ONLINE, as_moment(NOON + HOUR, "at"))
        for uid, hours in (("back", 2), ("gone", 2), ("late", 6)):
            tape.write(uid, "", UNKNOWN, as_moment(NOON + hours * HOUR, "at"))
        tape.write("back", "", ONLINE, as_moment(NOON + 7 * HOUR, "at"))
        tape.write("back", "", UNKNOWN, as_moment(NOON + 8 * HOUR, "at"))
        tape.vouch(as_moment(NOON + 9 * HOUR, "at"))
        tape.trim(as_moment(NOON + 5 * HOUR, "cutoff"))
    tape.close()
    with PresenceHistory(path) as history:
        assert history.users() == {"back": "Back", "late": "Late"}
        (late,) = history.sessions("late", until=NOON + 6 * HOUR)
        assert (late.status, late.start) == ("online", NOON + 5 * HOUR)
        statuses = [session.status for session in history.sessions("back")]
        assert statuses == ["unknown", "online", "unknown"]
    assert b"Gone" not in path.read_bytes()


@pytest.mark.parametrize("is_new_watch", [False, True])
def test_who_comes_back_after_retention_forgot_them_was_unknown_and_not_offline(
    path: Path, is_new_watch: bool
) -> None:
    tape = Tape(path, "app")
    with tape.writing():
        tape.begin_watch(as_moment(NOON, "at"))
        tape.cover("some")
        tape.write("bob", "Bob", ONLINE, as_moment(NOON + HOUR, "at"))
        tape.write("bob", "Bob", UNKNOWN, as_moment(NOON + 2 * HOUR, "at"))
        tape.vouch(as_moment(NOON + 6 * HOUR, "at"))
        tape.trim(as_moment(NOON + 5 * HOUR, "cutoff"))
    if is_new_watch:
        tape.close()
        tape = Tape(path, "app")  # the file knows, not the recorder
    with tape.writing():
        if is_new_watch:  # whoever is not online now is offline, as far as the client knows
            tape.begin_watch(as_moment(NOON + 7 * HOUR, "at"))
            assert not tape.cover("some")
        tape.write("bob", "Bob", ONLINE, as_moment(NOON + 8 * HOUR, "at"))
    tape.close()
    with PresenceHistory(path) as history:
        unknown, online = history.sessions("bob")
    assert (unknown.status, online.status) == ("unknown", "online")
    assert unknown.start == NOON + 5 * HOUR
    assert unknown.end == NOON + (7 if is_new_watch else 8) * HOUR
    assert online.start == NOON + 8 * HOUR


def test_importing_the_package_does_not_import_the_history() -> None:
    script = "import cometpresence, sys; print('sqlite3' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
    assert said == "False\n"
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cometpresence.nonsense
