"""``watch``: what is seen of who comes and goes, by programs and by people."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from python.command_line import ESCAPES, Terminal, environment, invoke, lines_of, started

from cometpresence.emulator import Emulator


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """The lines, as they come."""
    assert process.stdout is not None
    return map(json.loads, process.stdout)


def until(process: subprocess.Popen[str], event: str) -> list[dict[str, Any]]:
    """The lines up to the first of this event, which is the last of them."""
    seen = []
    for line in events(process):
        seen.append(line)
        if line["event"] == event:
            return seen
    raise AssertionError(f"{event} never came: {seen}")


# ---- programs


def test_a_line_for_each_event_first_who_is_there_then_who_comes_and_goes(
    emulator: Emulator,
) -> None:
    with started(emulator, "watch") as process:
        first = until(process, "synced")
        assert [line["event"] for line in first[:2]] == ["connecting", "connected"]
        snapshot = [line["uid"] for line in first if line.get("origin") == "snapshot"]
        assert sorted(snapshot) == ["alice", "erin"]
        emulator.set_online("bob", at=1_700_000_000)
        came = until(process, "online")[-1]
        emulator.set_offline("bob")
        assert until(process, "offline")[-1]["uid"] == "bob"
    assert came | {"seq": 0} == {
        "event": "online",
        "uid": "bob",
        "name": "Bob B",
        "role": "student",
        "status": "online",
        "last_active_at": 1_700_000_000,
        "origin": "live",
        "at": "2023-11-14T22:13:20+00:00",
        "seq": 0,
    }


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (["--uid", "ERIN"], {"erin"}),
        (["--role", "teacher"], {"alice", "erin"}),
        (["--role", "student"], set()),
        (["--friends"], set()),
    ],
)
def test_filters_leave_out_everybody_else(
    plain_emulator: Emulator, options: list[str], seen: set[str]
) -> None:
    with started(plain_emulator, "watch", *options) as process:
        lines = until(process, "synced")
    assert {line["uid"] for line in lines if "uid" in line} == seen


def test_a_lost_connection_is_told_too(plain_emulator: Emulator) -> None:
    with started(plain_emulator, "watch") as process:
        until(process, "synced")
        with plain_emulator.refuse_connections(count=1):
            plain_emulator.close_all(1012)
            assert until(process, "disconnected")[-1]["code"] == 1012
            plain_emulator.set_online("dave")
            lines = until(process, "synced")
    assert [line["origin"] for line in lines if line.get("uid") == "dave"] == ["resync"]


def test_a_user_that_does_not_exist_is_warned_about(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "watch", "--seconds", "0.2", "--uid", "bob", "--uid", "bbo")
    assert result.stderr == "warning: there is no user bbo; watching nevertheless\n"


def test_it_ends_with_its_reader_though_nothing_happens(plain_emulator: Emulator) -> None:
    with started(plain_emulator, "watch") as process:
        until(process, "synced")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=20) == 1
        assert process.stderr.read() == ""


def test_its_first_line_can_be_had_alone(plain_emulator: Emulator) -> None:
    result = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m cometpresence watch | head -1"],
        env=environment(plain_emulator),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert json.loads(result.stdout)["event"] == "connecting"
    assert result.stderr == ""


def test_when_the_server_refuses_us_for_good_it_ends_with_a_line(
    plain_emulator: Emulator,
) -> None:
    with started(plain_emulator, "watch") as process:
        until(process, "synced")
        plain_emulator.expire_tokens()
        with plain_emulator.refuse_jwt():
            plain_emulator.close_all(1012)
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("Error: [AUTH_ERR_")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_without_a_word(
    plain_emulator: Emulator, number: signal.Signals, code: int
) -> None:
    with started(plain_emulator, "watch") as process:
        until(process, "synced")
        process.send_signal(number)
        assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == code


def test_it_stops_by_itself_when_told_so(plain_emulator: Emulator) -> None:
    assert lines_of(invoke(plain_emulator, "watch", "--seconds", "0.1"))[0]["event"] == "connecting"


# ---- people


def picture(emulator: Emulator, *options: str, rows: int = 24, columns: int = 100) -> str:
    """The table once it is complete."""
    with Terminal(emulator, "watch", *options, rows=rows, columns=columns) as terminal:
        terminal.wait_until(lambda text: "in sync" in text)
        terminal.interrupt()
        assert terminal.end() == 130
        return terminal.text[terminal.text.rindex("who is online") :]


def test_on_a_terminal_a_table_keeps_itself_up_to_date(plain_emulator: Emulator) -> None:
    with Terminal(plain_emulator, "watch") as terminal:
        terminal.wait_until(lambda text: "connected, in sync" in text)
        assert "Erin E" in terminal.text
        assert "Bob B" not in terminal.text
        plain_emulator.set_online("bob")
        terminal.wait_until(lambda text: "Bob B" in text)
        assert "\x1b[1;32mBob B" in terminal.raw
        plain_emulator.set_offline("bob")
        terminal.wait_until(lambda text: "2 changes" in text)
        terminal.interrupt()
        assert terminal.end() == 130
        assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("Bob B")  # the cursor is back
        assert "Traceback" not in terminal.text


def test_it_says_when_the_picture_is_only_the_last_known(plain_emulator: Emulator) -> None:
    with Terminal(plain_emulator, "watch") as terminal:
        terminal.wait_until(lambda text: "connected, in sync" in text)
        with plain_emulator.refuse_connections(count=1):
            plain_emulator.close_all(1012)
            terminal.wait_until(lambda text: "connecting, as last known" in text)
        seen = len(terminal.text)
        terminal.wait_until(lambda text: "connected, in sync" in text[seen:])


def test_it_says_when_the_platform_stops_telling() -> None:
    users = [{"uid": f"u{number}", "name": "U", "online": True} for number in range(1001)]
    with (
        Emulator(users=[*users, {"uid": "alice", "name": "Alice A"}]) as emulator,
        Terminal(emulator, "watch") as terminal,
    ):
        terminal.wait_until(lambda text: "connected, incomplete: " in text)


def test_those_who_are_offline_are_listed_when_asked_for(plain_emulator: Emulator) -> None:
    rows = [row for row in picture(plain_emulator, "--all").splitlines() if "Bob B" in row]
    assert "13 Sep" in rows[0]  # of 2020: lastActiveAt 1600000000


def test_more_users_than_lines_are_counted(plain_emulator: Emulator) -> None:
    for number in range(40):
        plain_emulator.add_user(f"u{number}", name=f"User {number}", online=True)
    seen = picture(plain_emulator, rows=16)
    assert "… and 33 more" in seen
    assert "42 online" in seen
    assert seen.count("●") == 9 + 1  # rows, and the state
    assert len(seen.splitlines()) <= 16


def test_the_caret_of_ctrl_c_begins_no_line(plain_emulator: Emulator) -> None:
    seen = picture(plain_emulator, columns=60)
    assert max(map(len, seen.splitlines())) + len("^C") <= 60


def test_a_name_is_readable_before_the_time_of_day(plain_emulator: Emulator) -> None:
    plain_emulator.add_user("penny", name="Penelope Longstocking", online=True)
    assert "Penelope Longstocking" in picture(plain_emulator, columns=80)


def test_a_narrow_terminal_is_enough(plain_emulator: Emulator) -> None:
    seen = picture(plain_emulator, columns=44)
    assert "Erin E" in seen
    assert max(map(len, seen.splitlines())) <= 44


@pytest.mark.parametrize(
    ("columns", "headings"),
    [
        (60, ["name", "uid", "since"]),
        (80, ["name", "uid", "role", "since", "last seen"]),
        (120, ["name", "uid", "role", "since", "last seen"]),
    ],
)
def test_a_uid_is_readable_and_other_columns_give_way(
    plain_emulator: Emulator, columns: int, headings: list[str]
) -> None:
    uid = "agent-of-the-night-0042"
    plain_emulator.add_user(uid, name="Penelope Longstocking", role="supporter", online=True)
    seen = picture(plain_emulator, columns=columns)
    assert uid in seen
    assert re.split(r" {2,}", seen.splitlines()[1].strip("│ ")) == headings
    assert max(map(len, seen.splitlines())) <= columns


@pytest.mark.parametrize(("rows", "columns"), [(24, 60), (12, 80), (40, 140)])
def test_after_another_size_of_the_terminal_only_the_new_picture_stands(
    plain_emulator: Emulator, rows: int, columns: int
) -> None:
    with Terminal(plain_emulator, "watch", columns=100) as terminal:
        terminal.wait_until(lambda text: "connected, in sync" in text)
        terminal.resize(rows, columns)
        plain_emulator.set_online("bob")
        terminal.wait_until(lambda text: "1 change " in text.rsplit("who is online", 1)[-1])
        plain_emulator.set_online("carol")
        terminal.wait_until(lambda text: "2 changes" in text)
        lines = ESCAPES.sub("", terminal.screen).splitlines()
    assert [number for number, line in enumerate(lines) if "who is online" in line] == [0]
    assert max(map(len, lines)) <= columns
    assert len(lines) <= rows


def test_names_are_shown_in_the_order_that_was_asked_for(plain_emulator: Emulator) -> None:
    seen = picture(plain_emulator, "--sort", "role", "--all")
    names = ["Alice A", "Erin E", "Bob B", "Carol C", "Dave D"]
    assert sorted(names, key=seen.index) == names


def test_friends_and_roles_cannot_go_together(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "watch", "--friends", "--role", "teacher")
    assert result.exit_code == 2
