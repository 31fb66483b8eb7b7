"""Scenarios: what the words mean, and what is said of wrong ones."""

import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest
from python.emulator_client import PATIENCE, Client
from python.inbox import Inbox

from cometpresence import PresenceClient
from cometpresence.emulator import Emulator

START = 1_700_000_000  # of every manual clock


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual", users=[{"uid": uid} for uid in ("alice", "bob", "bot")]) as it:
        yield it


def moves(emulator: Emulator) -> list[tuple[str, str, int]]:
    """Who came and went, and how long after the beginning."""
    return [
        (entry["uid"], entry["event"].removeprefix("user_"), entry["at"] - START)
        for entry in emulator.journal
        if entry.get("event") in ("user_online", "user_offline")
    ]


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("alice online at 3", [("alice", "online", 3)]),
        ("ALICE online", [("alice", "online", 0)]),
        ("alice online at 0, offline at 5", [("alice", "online", 0), ("alice", "offline", 5)]),
        ("alice online at 9; bob online at 4", [("bob", "online", 4), ("alice", "online", 9)]),
        ("alice online at 2, bob online", [("alice", "online", 2), ("bob", "online", 2)]),
        (
            "alice online, offline, online",
            [("alice", w, 0) for w in ("online", "offline", "online")],
        ),
        (
            "alice online at 1.5m, offline at 1h",
            [("alice", "online", 90), ("alice", "offline", 3600)],
        ),
        (
            "alice online at 2s ,;\n , offline at 2.9",
            [("alice", "online", 2), ("alice", "offline", 2)],
        ),
        ("alice offline at 1, online at 2, online at 3", [("alice", "online", 2)]),
    ],
)
def test_words_become_moves(
    emulator: Emulator, scenario: str, expected: list[tuple[str, str, int]]
) -> None:
    emulator.advance(emulator.play(scenario))
    assert moves(emulator) == expected


@pytest.mark.parametrize(
    ("scenario", "complaint"),
    [
        ("", "a scenario has one step at least"),
        (" ,;\n", "a scenario has one step at least"),
        (
            "alcie online at 0",
            """
            there is no user called alcie; add_user() makes one
                alcie online at 0
                ^^^^^
            """,
        ),
        (
            "online at 0",
            """
            the first step must begin with a uid
                online at 0
                ^^^^^^
            """,
        ),
        (
            "alice online at 0,\nbob ofline at 5",
            """
            "online" or "offline" must come here
                bob ofline at 5
                    ^^^^^^
            """,
        ),
        (
            "alice",
            """
            "online" or "offline" must come here
                alice
                     ^
            """,
        ),
        (
            "alice online in 5",
            """
            "at" must come here, with a time, or a comma and the next step
                alice online in 5
                             ^^
            """,
        ),
        (
            "alice online at, offline",
            """
            a time must come here, such as 5, 0.5, 5s, 1.5m or 1h
                alice online at, offline
                               ^
            """,
        ),
        (
            "alice online at 5days",
            """
            a time must come here, such as 5, 0.5, 5s, 1.5m or 1h
                alice online at 5days
                                ^^^^^
            """,
        ),
        (
            "alice online at 10000000000",
            """
            a time must come here, such as 5, 0.5, 5s, 1.5m or 1h
                alice online at 10000000000
                                ^^^^^^^^^^^
            """,
        ),
        (
            "alice online at -1",
            """
            a time must come here, such as 5, 0.5, 5s, 1.5m or 1h
                alice online at -1
                                ^^
            """,
        ),
        (
            "alice online at 5 offline at 6",
            """
            the next step must be separated by a comma, a semicolon or a line end
                alice online at 5 offline at 6
                                  ^^^^^^^
            """,
        ),
    ],
)
def test_a_wrong_word_is_pointed_at_and_nothing_happens(
    emulator: Emulator, scenario: str, complaint: str
) -> None:
    expected = dedent(complaint).strip("\n")
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        emulator.play(scenario)
    emulator.advance(10_000)
    assert moves(emulator) == []


def test_only_what_is_due_happens(emulator: Emulator) -> None:
    emulator.play("alice online at 0, offline at 1")
    assert emulator.online == {"alice"}
    emulator.advance(0.999)
    assert emulator.online == {"alice"}
    emulator.advance(0.001)
    assert emulator.online == set()


def test_small_steps_add_up(emulator: Emulator) -> None:
    emulator.play("alice online at 7")
    for _ in range(70):
        emulator.advance(0.1)
    assert moves(emulator) == [("alice", "online", 7)]


def test_scenarios_are_played_beside_each_other_from_when_they_began(emulator: Emulator) -> None:
    emulator.play("alice online at 10")
    emulator.advance(4)
    emulator.play("bob online at 5, offline at 7")
    emulator.advance(20)
    assert moves(emulator) == [
        ("bob", "online", 9),
        ("alice", "online", 10),
        ("bob", "offline", 11),
    ]


def test_a_reset_forgets_what_was_to_come(emulator: Emulator) -> None:
    emulator.play("alice online at 1")
    emulator.advance(0.5)
    emulator.reset()
    emulator.advance(100)
    emulator.play("bob online")
    assert moves(emulator) == [("bob", "online", 100)]


def test_who_was_deleted_or_deactivated_does_not_come(emulator: Emulator) -> None:
    emulator.play("alice online at 1; bob online at 2; bot online at 3")
    with Client(emulator, login=False) as client:
        for uid, permanent in (("alice", True), ("bob", False)):
            answer = client.call(
                "DELETE",
                f"/users/{uid}",
                headers={"apiKey": emulator.rest_api_key},
                json={"permanent": permanent},
            )
            assert answer.status == 200
    emulator.add_user("alice")
    emulator.advance(10)
    assert moves(emulator) == [("bot", "online", 3)]


def test_a_real_clock_does_it_by_itself() -> None:
    emulator = Emulator()
    emulator.play("superhero2 online at 0.2, offline at 0.4")
    with emulator:
        emulator.wait_for(lambda entry: entry.get("event") == "user_online", timeout=PATIENCE)
        emulator.wait_for(lambda entry: entry.get("event") == "user_offline", timeout=PATIENCE)
        emulator.play("superhero3 online at 3600; superhero4 online at 0.1")  # the sooner one first
        emulator.wait_for(lambda entry: entry.get("uid") == "superhero4", timeout=PATIENCE)
        assert emulator.online == {"superhero4"}


def test_a_client_is_told_the_scenarios_times(emulator: Emulator) -> None:
    told = Inbox()
    with PresenceClient(**emulator.client_args("bot")) as client:
        client.on_presence(told, uids={"alice"})
        emulator.advance(emulator.play("alice online at 3, offline at 65"))
        events: list[Any] = told.wait_for(2)
    assert [(event.online, event.at.timestamp() - START) for event in events] == [
        (True, 3),
        (False, 65),
    ]
