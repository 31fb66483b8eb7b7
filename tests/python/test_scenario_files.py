"""Scenario files: what happens as they say."""

import json
import subprocess
import sys
import tomllib
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python.desk import DESK, Write, write
from python.emulator_client import PATIENCE, Client

from cometpresence.emulator import Emulator

COMMAND = Path(sys.executable).with_name("cometpresence")
__all__ = ["write"]

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0
DAY = 24 * HOUR


def played(path: Path, **kw: Any) -> Emulator:
    return Emulator(scenario=path, clock="manual", **kw)


def events(emulator: Emulator, zone: ZoneInfo = BERLIN) -> list[tuple[str, str, str]]:
    """When, what and whom, in order; the time as the clock on the wall has it."""
    return [
        (
            f"{datetime.fromtimestamp(entry['t'], zone):%a %H:%M:%S}",
            entry["event"].removeprefix("user_"),
            entry.get("uid") or entry.get("fault") or "",
        )
        for entry in emulator.journal
        if entry["kind"] == "lifecycle" and entry["event"] != "user_added"
    ]


# ---- what happens


def test_hours_are_kept_on_their_days_by_the_clock_on_the_wall(write: Write) -> None:
    emulator = played(
        write(DESK + '[[schedules]]\nroles="agent"\nhours="9\N{EN DASH}17"\ndays="weekdays"\n')
    )
    emulator.advance(4 * DAY)
    assert events(emulator) == [
        ("Fri 09:00:00", "online", "alice"),
        ("Fri 17:00:00", "offline", "alice"),
        ("Mon 09:00:00", "online", "alice"),
        ("Mon 17:00:00", "offline", "alice"),
    ]


def test_summer_time_changes_no_hours(write: Write) -> None:
    desk = DESK.replace("2026-03-06", "2026-03-28")  # the night after which it begins
    emulator = played(write(desk + '[[schedules]]\nusers=["alice"]\nhours=["9-10", "2-3"]\n'))
    emulator.advance(2 * DAY - 2 * HOUR)
    assert events(emulator) == [
        ("Sat 09:00:00", "online", "alice"),
        ("Sat 10:00:00", "offline", "alice"),
        ("Sun 09:00:00", "online", "alice"),  # there was no 2 o'clock
        ("Sun 10:00:00", "offline", "alice"),
        ("Mon 02:00:00", "online", "alice"),
        ("Mon 03:00:00", "offline", "alice"),
    ]


@pytest.mark.parametrize("hours", ["7-9", "22-8:30"])
def test_whoever_has_hours_when_it_begins_is_there(write: Write, hours: str) -> None:
    emulator = played(write(DESK + f'[[schedules]]\nusers="bob"\nhours="{hours}"\n'))
    assert emulator.online == {"bob"}
    emulator.advance(HOUR)
    assert emulator.online == set()


def test_hours_that_touch_are_one_stay(write: Write) -> None:
    desk = DESK + '[[schedules]]\nroles="agent"\nhours="9-12"\n'
    desk += (
        '[[schedules]]\nusers="alice"\nhours="12-24"\n[[schedules]]\nusers="bob"\nhours="0-24"\n'
    )
    emulator = played(write(desk))
    emulator.advance(2 * DAY)
    assert events(emulator) == [
        ("Fri 08:00:00", "online", "bob"),
        ("Fri 09:00:00", "online", "alice"),
        ("Sat 00:00:00", "offline", "alice"),
        ("Sat 09:00:00", "online", "alice"),
        ("Sun 00:00:00", "offline", "alice"),
    ]


def test_a_schedule_is_for_those_who_have_the_role_when_its_hours_begin(write: Write) -> None:
    emulator = played(write(DESK + '[[schedules]]\nroles="agent"\nhours="9-17"\n'))
    emulator.add_user("carol", role="agent")
    emulator.advance(2 * HOUR)
    assert emulator.online == {"alice", "carol"}


def test_flapping_is_the_share_that_was_asked_for_and_the_seeds(write: Write) -> None:
    path = write(DESK + '[[schedules]]\nroles="agent"\nhours="0-24"\nflapping="5 %"\n')
    runs = []
    for seed in (1, 1, 2):
        emulator = played(path, seed=seed)
        emulator.advance(7 * DAY)
        runs.append(events(emulator))
    assert runs[0] == runs[1] != runs[2]
    lost = sum(what == "offline" for _, what, _ in runs[0])
    assert 400 < lost < 600  # of 10,080 minutes, a few of them spent away
    times = [entry["t"] for entry in emulator.journal if entry.get("event", "").startswith("user_")]
    gaps = [back - gone for gone, back in zip(times[1::2], times[2::2], strict=False)]
    assert 5 <= min(gaps) < 6
    assert 29 < max(gaps) <= 30


def test_one_users_flapping_is_not_anothers_doing(write: Write) -> None:
    text = DESK + '[[schedules]]\nroles="agent"\nhours="0-24"\nflapping="5 %"\n'
    alone, together = played(write(text)), played(write(text))
    together.add_user("another", role="agent")
    for emulator in (alone, together):
        emulator.advance(3 * DAY)
    assert events(alone) == [event for event in events(together) if event[2] == "alice"]


def test_nobody_is_brought_back_by_flapping_who_was_sent_away(write: Write) -> None:
    emulator = played(write(DESK + '[[schedules]]\nusers="bob"\nhours="0-24"\nflapping="50 %"\n'))
    emulator.set_offline("bob")
    emulator.advance(2 * HOUR)
    assert emulator.online == set()


def test_faults_come_at_their_times_and_end(write: Write) -> None:
    faults = """
        [[faults]]
        fault = "delay"
        seconds = 1.5
        at = "90s"
        for = "1m"
        [[faults]]
        fault = "server_errors"
        at = 2026-03-06T10:00:00+01:00
        [[faults]]
        fault = "expire_tokens"
        at = 12:30:00
        days = ["sat", "sunday"]
        [[faults]]
        fault = "lose_events"
        at = 60
        for = 0.5
    """
    emulator = played(write(DESK + dedent(faults)))
    emulator.advance(3 * DAY)
    assert events(emulator) == [
        ("Fri 08:01:00", "fault_started", "lose_events"),
        ("Fri 08:01:00", "fault_ended", "lose_events"),
        ("Fri 08:01:30", "fault_started", "delay"),
        ("Fri 08:02:30", "fault_ended", "delay"),
        ("Fri 10:00:00", "fault_started", "server_errors"),
        ("Sat 12:30:00", "tokens_expired", ""),
        ("Sun 12:30:00", "tokens_expired", ""),
    ]
    started = [entry for entry in emulator.journal if entry.get("event") == "fault_started"]
    assert [(entry["count"], entry["settings"]) for entry in started] == [
        (None, {}),
        (None, {"seconds": 1.5, "jitter": 0.0}),
        (1, {"status": 503}),  # once, as server_errors() has it
    ]


def test_roles_users_and_play_are_as_they_say(write: Write) -> None:
    text = """
        play = "alice online at 5, offline at 10"
        [[roles]]
        role = "Agent"
        name = "An agent"
        description = "Answers"
        [[users]]
        uid = "Alice"
        role = "AGENT"
        friends = ["bob"]
        metadata = { desk = 7 }
        [[users]]
        uid = "bob"
        status = "available"
    """
    emulator = played(write(text))
    emulator.advance(20)
    utc = ZoneInfo("UTC")
    assert events(emulator, utc) == [
        ("Tue 22:13:25", "online", "alice"),
        ("Tue 22:13:30", "offline", "alice"),
    ]
    with emulator, Client(emulator, "bob") as client:
        key = {"apiKey": emulator.rest_api_key, "authToken": ""}
        role = client.call("GET", "/roles/agent", headers=key).data
        assert (role["name"], role["description"]) == ("An agent", "Answers")
        assert client.call("GET", "/users/alice").data["metadata"] == {"desk": 7}
        assert client.users(per_page=10, friendsOnly=1).uids == ["alice"]
    assert emulator.online == {"bob"}


def test_a_reset_begins_it_anew(write: Write) -> None:
    emulator = played(write(DESK + '[[schedules]]\nroles="agent"\nhours="9-17"\n'))
    emulator.advance(2 * HOUR)
    emulator.add_user("carol")
    before = events(emulator)
    emulator.reset()
    assert (emulator.online, emulator.uids) == (set(), ["alice", "bob"])
    emulator.advance(2 * HOUR)
    assert events(emulator) == before


def test_a_real_clock_runs_on_from_the_start(write: Write) -> None:
    desk = DESK.replace("08:00:00", "08:59:59.5")
    text = desk + '[[schedules]]\nroles="agent"\nhours="9-17"\n[[faults]]\nfault="blackhole"\n'
    with Emulator(scenario=write(text + 'at="0.2s"\nfor="0.1s"\n')) as emulator:
        emulator.wait_for(lambda entry: entry.get("event") == "fault_ended", timeout=PATIENCE)
        came = emulator.wait_for(lambda entry: entry.get("uid") == "alice", timeout=PATIENCE)
    assert datetime.fromtimestamp(came["at"], BERLIN) >= datetime(2026, 3, 6, 9, tzinfo=BERLIN)
    assert [what for _, what, _ in events(emulator)][1:4] == [
        "fault_started",
        "fault_ended",
        "online",
    ]


# ---- the commands


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(COMMAND), "emulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_the_example_is_fine_and_does_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "example.toml"
    path.write_text(run("scenario", "example").stdout, encoding="utf-8")
    checked = run("scenario", "check", str(path))
    assert checked.stdout == f"{path} is fine: 6 users, 3 roles, 2 schedules, 3 faults\n"
    emulator = played(path)
    emulator.advance(DAY + 2 * HOUR)
    happened = [event for event in events(emulator) if event[2] not in ("alice", "bob")]
    assert happened == [
        ("Mon 08:59:55", "online", "carol"),
        ("Mon 09:01:20", "fault_started", "server_errors"),
        ("Mon 09:01:50", "online", "dave"),
        ("Mon 09:01:50", "fault_ended", "server_errors"),
        ("Mon 09:02:50", "offline", "carol"),
        ("Mon 22:00:00", "online", "erin"),
        ("Tue 06:00:00", "offline", "erin"),
        ("Tue 10:00:00", "fault_started", "delay"),
        ("Tue 10:15:00", "fault_ended", "delay"),
    ]
    agents = [event for event in events(emulator) if event[2] in ("alice", "bob")]
    assert {("Mon 09:00:00", "online", "alice"), ("Mon 17:00:00", "offline", "bob")} < set(agents)


def test_a_command_runs_in_a_scenario(write: Write) -> None:
    path = write(DESK + '[[schedules]]\nusers="bob"\nhours="7-17"\n')
    script = """
from cometpresence import PresenceClient
with PresenceClient.from_env() as client:
    print(client.uid, client.get_user("bob").status)
"""
    done = run("exec", "--scenario", str(path), "--", sys.executable, "-c", script)
    assert (done.returncode, done.stdout) == (0, "alice online\n"), done.stderr


@pytest.mark.parametrize(
    "command", [["scenario", "check", "{}"], ["exec", "--scenario", "{}", "true"]], ids=" ".join
)
def test_a_command_tells_what_is_wrong_in_a_line(write: Write, command: list[str]) -> None:
    path = write(DESK + '[[schedules]]\nroles="agent"\n' + "hours = '9'")
    done = run(*(word.format(path) for word in command))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path}: schedules[0].hours: '9' are no hours" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_users_come_from_several_files_or_from_a_scenario(tmp_path: Path, write: Write) -> None:
    files = []
    for uid in ("alice", "bob"):
        files.append(tmp_path / f"{uid}.json")
        files[-1].write_text(json.dumps({"users": [{"uid": uid}]}))
    users = [word for file in files for word in ("--users", str(file))]
    echo = ["--uid", "bob", "--", "sh", "-c", "echo $COMETCHAT_UID"]
    assert run("exec", *users, *echo).stdout == "bob\n"
    both = run("exec", *users, "--scenario", str(write(DESK)), *echo)
    assert both.returncode == 2
    assert "a scenario has users of its own" in both.stderr
    twice = run("exec", *users, *users, *echo)
    assert "the uid alice exists already" in twice.stderr


def test_the_format_is_described_where_it_is_read() -> None:
    """What the module says of it is a scenario, but for the dots."""
    from cometpresence.emulator import scenario_file

    lines = (scenario_file.__doc__ or "").splitlines()
    example = "\n".join(line for line in lines if line.startswith("    "))
    assert set(tomllib.loads(dedent(example))) == {
        "timezone",
        "start",
        "play",
        "roles",
        "users",
        "schedules",
        "faults",
    }
