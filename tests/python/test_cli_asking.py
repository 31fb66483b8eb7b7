"""``who``, ``users`` and ``wait``: what they find, how they say it, how they end."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from python.command_line import Terminal, environment, invoke, lines_of, started

from cometpresence import AsyncPresenceClient, User
from cometpresence.cli import wait
from cometpresence.cli.output import counted, printable, span
from cometpresence.emulator import Emulator

# ---- who


def test_who_is_online_is_told_by_name_and_the_asker_stays_unseen(emulator: Emulator) -> None:
    emulator.set_online("carol")
    lines = lines_of(invoke(emulator, "who"))
    assert [line["uid"] for line in lines] == ["carol", "erin"]
    assert lines[1] | {"last_active_at": 0} == {
        "uid": "erin",
        "name": "Erin E",
        "role": "teacher",
        "status": "online",
        "last_active_at": 0,
    }
    assert "socket_opened" not in [entry.get("event") for entry in emulator.journal]


def test_who_can_be_asked_about_some_only(plain_emulator: Emulator) -> None:
    plain_emulator.set_online("carol")
    roles = lines_of(invoke(plain_emulator, "who", "--role", "student", "--role", "support"))
    assert [line["uid"] for line in roles] == ["carol"]
    uids = lines_of(invoke(plain_emulator, "who", "--uid", "erin", "--uid", "bob"))
    assert [line["uid"] for line in uids] == ["erin"]


def test_more_uids_than_one_request_takes_are_asked_for_in_several(
    plain_emulator: Emulator,
) -> None:
    uids = [f"u{number}" for number in range(60)]
    for uid in uids:
        plain_emulator.add_user(uid, name=uid, online=True)
    options = [word for uid in uids for word in ("--uid", uid)]
    assert len(lines_of(invoke(plain_emulator, "who", *options))) == 60
    assert len(lines_of(invoke(plain_emulator, "users", *options))) == 60


def test_on_a_terminal_who_draws_a_table(plain_emulator: Emulator) -> None:
    with Terminal(plain_emulator, "who") as terminal:
        assert terminal.end() == 0
        assert "Erin E" in terminal.text
        assert "1 online" in terminal.text
        assert "\x1b[32m●" in terminal.raw


def test_without_color_there_is_none(plain_emulator: Emulator) -> None:
    with Terminal(plain_emulator, "who", NO_COLOR="1") as terminal:
        assert terminal.end() == 0
        assert "Erin E" in terminal.text
        assert "\x1b[3" not in terminal.raw


def test_no_json_is_a_table_wherever_it_goes(plain_emulator: Emulator) -> None:
    assert "1 online" in invoke(plain_emulator, "who", "--no-json").output


def test_a_name_does_not_steer_the_terminal(plain_emulator: Emulator) -> None:
    plain_emulator.add_user("evil", name="Eve\x1b]0;owned\x07\u202e", online=True)
    with Terminal(plain_emulator, "who", "--no-json") as terminal:
        assert terminal.end() == 0
        assert "\x1b]0" not in terminal.raw
        assert "Eve\ufffd]0;owned\ufffd\ufffd" in terminal.text


@pytest.mark.parametrize("name", ["Zoë", "शक्ति", "👩‍👩‍👧", "李 四", "a\u00a0b"])
def test_honest_names_are_printed_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_a_terminal_that_lacks_a_letter_gets_another(plain_emulator: Emulator) -> None:
    plain_emulator.add_user("zoe", name="Zoë", online=True)
    with started(plain_emulator, "who", PYTHONIOENCODING="ascii", PYTHONUTF8="0") as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "Zoë" in [json.loads(line)["name"] for line in out.splitlines()]


# ---- users


@pytest.fixture
def crowd() -> Iterator[Emulator]:
    users = [
        {"uid": f"u{n:04}", "name": f"User {n}", "role": "student", "tags": ["x"] if n % 2 else []}
        for n in range(450)
    ]
    me = {"uid": "alice", "name": "Alice", "role": "teacher", "friends": ["u0001"]}
    with Emulator(users=[*users, me]) as emulator:
        yield emulator


def test_users_pages_through_all_of_them(crowd: Emulator) -> None:
    lines = lines_of(invoke(crowd, "users"))
    assert len({line["uid"] for line in lines}) == 451


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--limit", "7"], 7),
        (["--limit", "101"], 101),
        (["--role", "teacher"], 1),
        (["--tag", "x"], 225),
        (["--friends"], 1),
        (["--status", "online"], 0),
        (["--search", "user 44"], 11),
        (["--search", "u000", "--search-in", "uid"], 10),
        (["--uid", "alice", "--uid", "u0001"], 2),
    ],
)
def test_users_takes_the_filters_of_the_server(
    crowd: Emulator, options: list[str], count: int
) -> None:
    assert len(lines_of(invoke(crowd, "users", *options))) == count


def test_users_come_in_the_order_that_was_asked_for(crowd: Emulator) -> None:
    options = ["--sort", "name", "--order", "desc", "--limit", "1"]
    assert lines_of(invoke(crowd, "users", *options))[0]["uid"] == "u0099"


def test_all_of_a_profile_is_told(plain_emulator: Emulator) -> None:
    bob = lines_of(invoke(plain_emulator, "users", "--uid", "bob"))[0]
    assert bob["metadata"] == {"seat": 7, "nested": {"deep": [1, 2]}}
    assert bob["tags"] == ["vip", "early"]
    assert bob["last_active_at"] == 1_600_000_000


def test_a_long_list_has_a_progress_bar_and_a_short_one_none(
    crowd: Emulator, plain_emulator: Emulator
) -> None:
    for emulator, is_long in ((crowd, True), (plain_emulator, False)):
        with Terminal(emulator, "users", rows=50) as terminal:
            assert terminal.end() == 0
            assert ("page 1 of 5" in terminal.text) is is_long
            assert "Alice" in terminal.text
            assert "online" in terminal.text.splitlines()[-1]


@pytest.mark.parametrize("command", ["who", "users"])
def test_the_bar_is_seen_on_a_terminal_only(crowd: Emulator, command: str) -> None:
    crowd.move([f"u{number:04}" for number in range(450)])  # online
    with Terminal(crowd, command, rows=50) as terminal:
        assert terminal.end() == 0
        assert "page 1 of 5" in terminal.text
        assert "page" not in terminal.text.splitlines()[-1]
    result = invoke(crowd, command)
    assert result.stderr == ""
    assert len(lines_of(result)) == {"who": 450, "users": 451}[command]


def test_a_reader_that_goes_away_is_no_error(crowd: Emulator) -> None:
    command = f"{sys.executable} -m cometpresence users | head -1"
    result = subprocess.run(
        ["bash", "-c", command],
        env=environment(crowd),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""


# ---- wait


def test_waiting_for_what_is_so_returns_at_once(plain_emulator: Emulator) -> None:
    assert lines_of(invoke(plain_emulator, "wait", "erin"))[0]["status"] == "online"
    assert lines_of(invoke(plain_emulator, "wait", "bob", "--offline"))[0]["uid"] == "bob"


def test_who_is_offline_is_told_with_all_that_is_known(plain_emulator: Emulator) -> None:
    assert lines_of(invoke(plain_emulator, "wait", "BOB", "--offline")) == [
        {
            "uid": "bob",
            "name": "Bob B",
            "role": "student",
            "status": "offline",
            "last_active_at": 1_600_000_000,
        }
    ]
    shown = invoke(plain_emulator, "wait", "bob", "--offline", "--no-json").output
    assert shown == "○ Bob B is offline\n"


@pytest.mark.parametrize(("uid", "option"), [("bob", "--online"), ("erin", "--offline")])
def test_waiting_returns_when_it_happens(plain_emulator: Emulator, uid: str, option: str) -> None:
    move = plain_emulator.set_online if option == "--online" else plain_emulator.set_offline
    with started(plain_emulator, "wait", uid, option) as process:
        plain_emulator.wait_for_client(timeout=20)
        move(uid)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(out)["uid"] == uid


def test_a_fresh_wait_is_for_the_next_time(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "wait", "erin", "--fresh", "--timeout", "0.5")
    assert result.exit_code == 124


def test_waiting_in_vain_ends_with_124_and_a_line(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "wait", "bob", "--timeout", "0.3")
    assert result.exit_code == 124
    assert result.output == "Error: bob did not come online within 0.3 s.\n"


def test_a_server_that_never_answers_uses_up_the_timeout(plain_emulator: Emulator) -> None:
    with plain_emulator.blackhole():
        result = invoke(plain_emulator, "wait", "bob", "--timeout", "0.3")
    assert result.exit_code == 124
    assert result.output.startswith("Error: bob did not come online within 0.3 s, as far as")


def test_one_timeout_is_for_all_that_is_asked(
    plain_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_to_wait = []

    class Slow(AsyncPresenceClient):
        """Each step takes less than the timeout, and two of them more."""

        async def login(self, *given: Any, **named: Any) -> User:
            await asyncio.sleep(0.7)
            return await super().login(*given, **named)

        async def get_user(self, uid: str) -> User:
            await asyncio.sleep(0.7)
            return await super().get_user(uid)

        async def wait_for_online(self, uid: str, **named: Any) -> User:
            came_to_wait.append(uid)
            return await super().wait_for_online(uid, **named)

    monkeypatch.setattr(wait, "AsyncPresenceClient", Slow)
    assert invoke(plain_emulator, "wait", "bob", "--timeout", "1").exit_code == 124
    assert came_to_wait == []


def test_a_server_that_never_answers_is_waited_for_as_long_as_was_said(
    plain_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "CONNECT_TIMEOUT", 0.1)
    with plain_emulator.blackhole():
        assert invoke(plain_emulator, "wait", "bob", "--timeout", "0.5").exit_code == 124
        assert invoke(plain_emulator, "wait", "bob").exit_code == 1


@pytest.mark.parametrize(
    ("fault", "settings", "code"),
    [
        ("slow_upgrade", {"seconds": 60}, 124),
        ("half_page", {"count": 1000}, 124),
        ("refuse_jwt", {}, 1),
        ("refuse_connections", {}, 1),
        ("server_errors", {"count": 1000}, 1),
        ("rate_limit", {"retry_after": 600, "count": 1000}, 1),
    ],
)
def test_without_a_connection_the_code_says_whether_it_could_still_come(
    plain_emulator: Emulator, fault: str, settings: dict[str, float], code: int
) -> None:
    with getattr(plain_emulator, fault)(**settings):
        result = invoke(plain_emulator, "wait", "bob", "--timeout", "2")
    assert result.exit_code == code
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["wait", "bob", "--timeout", "nan"],
        ["wait", "bob", "--timeout", "inf"],
        ["wait", "bob", "--timeout", "-1"],
        ["wait", "bob", "--timeout", "0"],
        ["wait", "bob", "--online", "--offline"],
        ["watch", "--seconds", "nan"],
        ["doctor", "--timeout", "nan"],
        ["demo", "--seconds", "nan"],
    ],
)
def test_what_cannot_be_waited_for_is_refused(plain_emulator: Emulator, options: list[str]) -> None:
    result = invoke(plain_emulator, *options)
    assert result.exit_code == 2
    assert "Error: " in result.output


def test_waiting_for_nobody_ends_with_1_and_says_so(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "wait", "nobody", "--timeout", "20")
    assert result.exit_code == 1
    assert "ERR_UID_NOT_FOUND" in result.output


def test_the_help_says_which_exit_code_is_which(plain_emulator: Emulator) -> None:
    output = invoke(plain_emulator, "wait", "--help").output
    for code in ("0    it is so", "1    it cannot be known", "124  not within the timeout"):
        assert code in output


def test_on_a_terminal_the_wait_is_seen_and_its_end_said(plain_emulator: Emulator) -> None:
    with Terminal(plain_emulator, "wait", "bob") as terminal:
        terminal.wait_until(lambda text: "waiting for bob to come online" in text)
        plain_emulator.set_online("bob")
        assert terminal.end() == 0
        assert terminal.text.splitlines()[-1] == "● Bob B is online"


# ---- how they fail


def test_ctrl_c_ends_with_130_and_no_word(plain_emulator: Emulator) -> None:
    with started(plain_emulator, "wait", "bob") as process:
        plain_emulator.wait_for_client(timeout=20)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 130


def test_a_refused_key_is_told_in_a_line_with_code_and_fix(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "who", COMETCHAT_AUTH_KEY="key-nobody-should-see")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "AUTH_ERR_APIKEY_NOT_FOUND" in result.output
    assert "copy the Auth Key of this app" in result.output
    assert "nobody-should-see" not in result.output


def test_a_server_out_of_reach_is_told_in_a_line(plain_emulator: Emulator) -> None:
    with plain_emulator.refuse_connections():
        result = invoke(plain_emulator, "who")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "[ERR_CONNECT" in result.output
    assert "cometpresence doctor" in result.output


def test_a_region_that_cannot_be_ends_with_2(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "who", "--region", "no such", COMETPRESENCE_EMULATOR="")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.4, "59 s"), (61, "1 min"), (7200, "2 h"), (200000, "2 d")],
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 changes"), (1, "1 change"), (2000, "2,000 changes")]
)
def test_one_is_told_in_the_singular(number: int, text: str) -> None:
    assert counted(number, "change") == text
