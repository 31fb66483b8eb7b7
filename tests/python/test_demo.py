"""The demo: what it plays, what it shows, and that it would notice a lie."""

import io
import json
import random
import re
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner
from python.command_line import Terminal
from rich.console import Console

from cometpresence import ConnectionLost
from cometpresence.cli import demo
from cometpresence.cli.demo import CAST, cast_records, plan
from cometpresence.cli.demo_views import Lines, LiveTable
from cometpresence.emulator import Emulator

COMMAND = [sys.executable, "-m", "cometpresence", "demo"]


def run(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the lines that were printed."""
    result = subprocess.run(
        [*COMMAND, *arguments], text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
    )
    assert result.stderr == ""
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()]


# ---- what it plays


def test_the_same_seed_plays_the_same_and_another_another() -> None:
    def played(seed: int) -> list[Any]:
        return list(plan(random.Random(seed), {"ada"}, 10))

    assert played(1) == played(1) != played(2)


def test_everybody_comes_before_going_and_nobody_moves_after_the_end() -> None:
    online = {"ada", "grace"}
    moves = list(plan(random.Random(7), online, 10))
    assert len(moves) > 10
    assert [move.after for move in moves] == sorted(move.after for move in moves)
    assert moves[-1].after < 10
    for move in moves:
        assert move.comes is (move.uid not in online)
        online ^= {move.uid}


def test_the_cast_has_about_a_dozen_users_in_several_roles_some_online() -> None:
    records = cast_records(random.Random(1))
    assert len(records) == len(CAST) + 1
    assert len({record["role"] for record in records}) >= 4
    assert 0 < sum(record.get("online", False) for record in records) < len(CAST)


# ---- what it shows elsewhere than on a terminal


def test_it_prints_one_line_an_event_and_ends_well() -> None:
    code, lines = run("--seconds", "2", "--seed", "3")
    assert code == 0
    *events, end = lines
    assert end["events"] == len(events) > 0
    assert end["equal"] is True
    assert "watcher" in end["online"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    picture = set()
    for event in events:
        picture ^= {event["uid"]}
        assert event["event"] == ("online" if event["uid"] in picture else "offline")
        assert event["name"]
        assert event["role"]
    assert sorted(picture) == end["online"]


def test_what_was_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "CATCH_UP", 0.2)
    out = io.StringIO()
    dice = random.Random(1)
    with Emulator(users=cast_records(dice)) as emulator, emulator.lose_events():
        assert demo.watch(emulator, dice, 1.0, Lines(out)) is False
    assert json.loads(out.getvalue().splitlines()[-1])["equal"] is False


@pytest.mark.parametrize(("equal", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_tells_whether_the_pictures_are_equal(
    monkeypatch: pytest.MonkeyPatch, equal: bool, code: int
) -> None:
    monkeypatch.setattr(demo, "watch", lambda *arguments: equal)
    assert CliRunner().invoke(demo.demo, []).exit_code == code


def test_what_goes_wrong_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(*arguments: object) -> bool:
        raise ConnectionLost("ERR_CONNECTION_LOST", "gone")

    monkeypatch.setattr(demo, "watch", watch)
    result = CliRunner().invoke(demo.demo, [])
    assert (result.exit_code, result.output) == (1, "Error: [ERR_CONNECTION_LOST] gone\n")


# ---- what it shows on a terminal


def test_on_a_terminal_it_draws_a_table() -> None:
    with Terminal(None, "demo", "--seconds", "1", columns=80) as terminal:
        assert terminal.end() == 0
    assert "who is online" in terminal.text
    assert "Grace Hopper" in terminal.text
    assert "●" in terminal.text
    assert re.search(r"✔ \d+ events arrived", terminal.text)
    assert "\x1b[?25h" in terminal.raw  # the cursor is back


def test_the_table_says_what_differs() -> None:
    console = Console(file=io.StringIO(), width=100)
    table = LiveTable(console)
    table.conclude(7, frozenset({"ghost", "ada"}), frozenset({"ada", "missed"}))
    assert isinstance(console.file, io.StringIO)
    said = " ".join(console.file.getvalue().split())
    assert said.startswith("✘ 7 events arrived")
    assert "not seen coming: missed; not seen leaving: ghost." in said
