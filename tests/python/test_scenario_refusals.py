"""Scenario files that make no sense: what is said, and of which place."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from python.desk import DESK, Write, write

from cometpresence.emulator import Emulator

__all__ = ["write"]

SCHEDULE = '[[schedules]]\nroles = "agent"\n'
FAULT = '[[faults]]\nfault = "{}"\n'
USER = '[[users]]\nuid = "{}"\n'

REFUSED: Mapping[str, tuple[str, str]] = {
    "bad TOML": ("timezone = \n", "Invalid value (at line 1, column 12)"),
    "nobody": ("roles = ['agent']", "users: there is nobody: a [[users]] with a uid is needed"),
    "users are no list": ("users = 'alice'", "users: must be a list, such as [[users]]"),
    "a user is no table": ("users = ['alice']", "users[0]: must be a table"),
    "unknown key": ("timzone = 'UTC'", "timzone: there is no such key; did you mean 'timezone'?"),
    "unknown zone": ("timezone = 'Mars/Olympus'", "timezone: no time zone 'Mars/Olympus' here"),
    "zone that is a path": ("timezone = '../../etc'", "timezone: no time zone '../../etc' here"),
    "start that is a day": ("start = 2026-03-02", "start: must be a date and time"),
    "start long ago": ("start = 1066-10-14T09:00:00", "start: must be a date and time"),
    "two roles": (
        "roles = ['agent', 'Agent']\n" + USER.format("a"),
        "roles[1]: there are two roles 'agent'",
    ),
    "role with blanks": ("roles = ['an agent']", "roles[0]: the role 'an agent' has other char"),
    "role without a name": ("[[roles]]\nname = 'Agent'", "roles[0].role: a text is needed"),
    "odd role": (
        "[[roles]]\nrole = 'a'\nsettings = { listUsers = 'none' }",
        "roles[0].settings: has listUsers and sendMessagesTo, each all or friendsOnly",
    ),
    "role of a user": (
        DESK + USER.format("carol") + "role = 'agnt'",
        "users[2].role: no role 'agnt'; did you mean 'agent'? (roles: agent, default)",
    ),
    "no uid": ("[[users]]\nname = 'Alice'", "users[0].uid: a text is needed"),
    "odd uid": (USER.format("a b"), "users[0].uid: a uid is 1 to 100 of a-z 0-9 - _, not 'a b'"),
    "two of a uid": (DESK + USER.format("Alice"), "users[2].uid: there are two users 'alice'"),
    "unknown field": (
        USER.format("a") + "freinds = []",
        "users[0].freinds: there is no such key; did you mean 'friends'?",
    ),
    "unknown friend": (
        DESK + USER.format("carol") + "friends = ['bob', 'dan']",
        "users[2].friends: no user 'dan' (users: alice, bob, carol)",
    ),
    "friends that are none": (
        USER.format("a") + "friends = 'bob'",
        "users[0].friends: friends mus",
    ),
    "unknown status": (
        USER.format("a") + "status = 'onlin'",
        "users[0].status: must be one of online, available, offline, not 'onlin'",
    ),
    "online in words": (
        USER.format("a") + "online = 'yes'",
        "users[0].online: must be true or fal",
    ),
    "time before all time": (
        USER.format("a") + "deactivatedAt = -1",
        "users[0].deactivatedAt: deactivatedAt must be a whole number of seconds, 0 or more",
    ),
    "a date in metadata": (
        USER.format("a") + "metadata = { since = 2026-03-02 }",
        "users[0].metadata: must not have dates, times, inf or nan in it",
    ),
    "nobody's schedule": (
        DESK + "[[schedules]]\nhours = '9-17'",
        "schedules[0]: whose schedule is it? roles or users are needed",
    ),
    "schedule of a stranger": (
        DESK + "[[schedules]]\nusers = ['bobby']\nhours = '9-17'",
        "schedules[0].users: no user 'bobby'; did you mean 'bob'?",
    ),
    "schedule of no role": (
        DESK + "[[schedules]]\nroles = 'boss'\nhours = '9-17'",
        "schedules[0].roles: no role 'boss' (roles: agent, default)",
    ),
    "no hours": (DESK + SCHEDULE, "schedules[0].hours: are needed, such as '9-17'"),
    "hours that are none": (
        DESK + SCHEDULE + "hours = '9-25'",
        "schedules[0].hours: '9-25' are no",
    ),
    "no time at all": (DESK + SCHEDULE + "hours = '9-9'", "schedules[0].hours: '9-9' are no hours"),
    "hours as numbers": (DESK + SCHEDULE + "hours = 9", "schedules[0].hours: must be a text, or a"),
    "no days": (
        DESK + SCHEDULE + "hours = '9-17'\ndays = []",
        "schedules[0].days: must not be emp",
    ),
    "unknown day": (
        DESK + SCHEDULE + "hours = '9-17'\ndays = ['mon', 'mo']",
        "schedules[0].days: must be weekdays, weekends, every day, or days such as mon, tue",
    ),
    "flapping as a number": (
        DESK + SCHEDULE + "hours = '9-17'\nflapping = 1",
        "schedules[0].flapping: must be a share of the minutes, such as '1 %'",
    ),
    "flapping too much": (
        DESK + SCHEDULE + "hours = '9-17'\nflapping = '101 %'",
        "schedules[0].flapping: must be a share of the minutes, such as '1 %'",
    ),
    "hours that overlap": (
        DESK + SCHEDULE + "hours = ['9-12', '11:30-15']",
        "schedules[0].hours: they overlap, on Monday 11:30",
    ),
    "a night into the next week": (
        DESK + SCHEDULE + "hours = ['22-6', '5-7']\ndays = ['sun', 'mon']",
        "schedules[0].hours: they overlap, on Monday 5:00",
    ),
    "hours of two schedules": (
        DESK + SCHEDULE + "hours = '9-12'\n[[schedules]]\nusers = 'alice'\nhours = '10-11'",
        "schedules[1].hours: alice has hours of schedules[0] then, on Monday 10:00",
    ),
    "unknown fault": (
        DESK + FAULT.format("server_error") + "at = '5s'",
        "faults[0].fault: no fault 'server_error'; did you mean 'server_errors'?",
    ),
    "fault without a time": (DESK + FAULT.format("kill_tcp"), "faults[0].at: when? '90s' after"),
    "past fault": (
        DESK + FAULT.format("kill_tcp") + "at = 2026-03-06T07:59:59",
        "faults[0].at: 2026-03-06 07:59:59 is past when the scenario begins",
    ),
    "time that is none": (
        DESK + FAULT.format("kill_tcp") + "at = 'noon'",
        "faults[0].at: must be a time such as 90, '90s', '1.5m' or '1h'",
    ),
    "negative time": (DESK + FAULT.format("kill_tcp") + "at = -5", "faults[0].at: must be a time"),
    "half a minute of the day": (
        DESK + FAULT.format("kill_tcp") + "at = 12:30:30",
        "faults[0].at: '12:30:30' is no minute of the day",
    ),
    "days without a time of day": (
        DESK + FAULT.format("kill_tcp") + "at = 5\ndays = 'weekdays'",
        "faults[0].days: needs a time of day in at, such as '12:30'",
    ),
    "fault for no time": (
        DESK + FAULT.format("blackhole") + "at = 5\nfor = 0",
        "faults[0].for: must be longer than 0",
    ),
    "a shot that lasts": (
        DESK + FAULT.format("kill_tcp") + "at = 5\nfor = 5",
        "faults[0].for: there is no such key",
    ),
    "missing argument": (
        DESK + FAULT.format("delay") + "at = 5",
        "faults[0].seconds: is needed, a number of seconds from 0 to 86400",
    ),
    "argument of another fault": (
        DESK + FAULT.format("blackhole") + "at = 5\nseconds = 1",
        "faults[0].seconds: there is no such key",
    ),
    "argument in words": (
        DESK + FAULT.format("server_errors") + "at = 5\nstatus = '503'",
        "faults[0].status: must be a whole number from 400 to 599",
    ),
    "argument that is not true": (
        DESK + FAULT.format("close_all") + "at = 5\nclean = 'no'",
        "faults[0].clean: must be true or false",
    ),
    "count of nothing": (
        DESK + FAULT.format("half_page") + "at = 5\ncount = 0",
        "faults[0].count: must be a whole number above 0",
    ),
    "wrong word": (
        'play = "alice online in 5"\n' + USER.format("alice"),
        'play: "at" must come here, with a time',
    ),
    "too deep": ("a = " + "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_said_with_its_place(write: Write, what: str) -> None:
    text, complaint = REFUSED[what]
    path = write(text)
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        Emulator(scenario=path)
    assert str(refused.value).startswith(f"{path}: {complaint}")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.toml"):
        Emulator(scenario=tmp_path / "no.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ValueError, match=r"latin\.toml: 'utf-8' codec"):
        Emulator(scenario=tmp_path / "latin.toml")


def test_users_of_two_kinds_are_refused(write: Write) -> None:
    with pytest.raises(ValueError, match="a scenario has users of its own"):
        Emulator(scenario=write(DESK), users=[{"uid": "zoe"}])
