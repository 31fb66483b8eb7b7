"""What drain() does with listeners that misbehave, and how Ctrl-C gets through."""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cometpresence import PresenceClient, _core
from cometpresence._core import Client, PresenceEvent, User
from cometpresence.emulator import Emulator
from cometpresence.values import Origin, UserStatus

LIVE = 1 << Origin.LIVE.value
PATIENCE = 10.0

Reports = list[tuple[BaseException, str]]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(users=[{"uid": uid} for uid in ("alice", "bob", "carol", "dave")]) as emulator:
        yield emulator


@pytest.fixture
def reports() -> Reports:
    return []


@pytest.fixture
def core(emulator: Emulator, reports: Reports) -> Iterator[Client]:
    """Connected, everything of the beginning drained; nobody drains it but the test."""
    client = PresenceClient(**emulator.client_args("alice"), dispatch="none")
    client.on_error(lambda exception, where: reports.append((exception, where)))
    with client:
        while client.drain():
            pass
        yield client._core


def drain_until(core: Client, enough: Callable[[], bool]) -> int:
    deadline = time.monotonic() + PATIENCE
    told = 0
    while not enough():
        assert time.monotonic() < deadline, "not enough came"
        if core.wait(0.1):
            told += core.drain(256)
    return told


def come(emulator: Emulator, core: Client, *uids: str) -> None:
    """They come online, and the client knows; listeners have not been told."""
    for uid in uids:
        emulator.set_online(uid)
    deadline = time.monotonic() + PATIENCE
    while any(core.status(uid) is not UserStatus.ONLINE for uid in uids):
        assert time.monotonic() < deadline, "they did not come"
        core.wait(0.01)


def test_all_listeners_are_given_the_same_objects(emulator: Emulator, core: Client) -> None:
    users: list[User] = []
    events: list[PresenceEvent] = []
    batches: list[list[PresenceEvent]] = []
    for id in "ab":
        core.add_listener(id, {_core.ONLINE: users.append, _core.PRESENCE: events.append}, LIVE)
        core.add_listener(id * 2, {_core.PRESENCE_BATCH: batches.append}, LIVE)
    come(emulator, core, "bob", "carol")
    assert drain_until(core, lambda: len(batches) == 2) == 2
    assert users[0] is users[1] is events[0].user is events[1].user
    assert users[2] is users[3]
    assert batches[0] == batches[1] == [events[0], events[2]]
    assert batches[0] is not batches[1]


def test_event_says_what_happened_and_cannot_be_changed(emulator: Emulator, core: Client) -> None:
    events: list[PresenceEvent] = []
    core.add_listener("x", {_core.PRESENCE: events.append}, LIVE)
    before = time.monotonic()
    come(emulator, core, "bob")
    drain_until(core, lambda: bool(events))
    event = events[0]
    assert (event.user.uid, event.online, event.previous) == ("bob", True, UserStatus.UNKNOWN)
    assert (event.origin, event.generation, event.coalesced) == (Origin.LIVE, 1, 0)
    assert before <= event.received_at <= time.monotonic()
    assert event.at is not None
    assert event.at.utcoffset() is not None
    assert "bob" in repr(event)
    with pytest.raises(AttributeError):
        event.seq = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        PresenceEvent()  # type: ignore[call-arg,unused-ignore]


def test_listener_is_told_only_of_the_origins_it_asked_for(
    emulator: Emulator, core: Client
) -> None:
    told: list[str] = []
    core.add_listener("r", {_core.ONLINE: lambda user: told.append("resync")}, 1 << 3)
    core.add_listener("b", {_core.PRESENCE_BATCH: lambda events: told.append("batch")}, 1 << 3)
    core.add_listener("l", {_core.ONLINE: lambda user: told.append("live")}, LIVE)
    come(emulator, core, "bob")
    drain_until(core, lambda: bool(told))
    assert told == ["live"]


@pytest.mark.parametrize("exception", [ValueError("no"), SystemExit(3), GeneratorExit()])
def test_what_a_listener_raises_is_reported_and_the_next_one_told(
    emulator: Emulator, core: Client, reports: Reports, exception: BaseException
) -> None:
    def fail(user: User) -> None:
        raise exception

    told: list[User] = []
    core.add_listener("bad", {_core.ONLINE: fail}, LIVE)
    core.add_listener("good", {_core.ONLINE: told.append}, LIVE)
    come(emulator, core, "bob")
    drain_until(core, lambda: bool(told))
    assert reports == [(exception, "on_user_online handler 'bad'")]
    assert core.stats().handler_errors == 1


def test_ctrl_c_in_a_listener_ends_the_drain_and_loses_nothing(
    emulator: Emulator, core: Client, reports: Reports
) -> None:
    told: list[str] = []

    def interrupt(user: User) -> None:
        raise KeyboardInterrupt

    core.add_listener("1", {_core.ONLINE: interrupt}, LIVE)
    core.add_listener("2", {_core.ONLINE: lambda user: told.append(user.uid)}, LIVE)
    core.add_listener("3", {_core.PRESENCE_BATCH: lambda events: told.append("batch")}, LIVE)
    come(emulator, core, "bob", "carol")
    bell = core.fileno()
    with pytest.raises(KeyboardInterrupt):
        core.drain(256)
    assert told == ["bob", "batch"]
    core.remove_listener("1")
    assert select.select([bell], [], [], 0)[0], "somebody's own loop would sleep"
    assert core.wait(0)
    assert core.drain(256) == 1
    assert told == ["bob", "batch", "carol", "batch"]
    assert not reports


def test_ctrl_c_in_a_listener_on_another_thread_is_reported(
    emulator: Emulator, core: Client, reports: Reports
) -> None:
    def interrupt(user: User) -> None:
        raise KeyboardInterrupt

    core.add_listener("x", {_core.ONLINE: interrupt}, LIVE)
    come(emulator, core, "bob")
    thread = threading.Thread(target=core.drain, args=(256,))
    thread.start()
    thread.join(PATIENCE)
    assert [where for _, where in reports] == ["on_user_online handler 'x'"]


def test_drain_inside_a_listener_or_beside_one_returns_at_once(
    emulator: Emulator, core: Client
) -> None:
    counts: list[int] = []

    def drain(user: User) -> None:
        counts.append(core.drain(256))
        beside = threading.Thread(target=lambda: counts.append(core.drain(256)))
        beside.start()
        beside.join(PATIENCE)

    core.add_listener("x", {_core.ONLINE: drain}, LIVE)
    come(emulator, core, "bob", "carol")
    assert core.drain(256) == 2
    assert counts == [0, 0, 0, 0]


def test_listener_that_clears_all_is_the_last_one_told(emulator: Emulator, core: Client) -> None:
    told: list[str] = []

    def clear(user: User) -> None:
        core.clear_listeners()
        core.add_listener("new", {_core.ONLINE: lambda user: told.append("new " + user.uid)}, LIVE)

    core.add_listener("1", {_core.ONLINE: clear}, LIVE)
    core.add_listener("2", {_core.ONLINE: lambda user: told.append("never")}, LIVE)
    come(emulator, core, "bob", "carol")
    core.drain(256)
    assert told == ["new carol"]


def test_report_that_raises_goes_to_the_unraisable_hook(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: seen.append(hook.exc_value))
    client = PresenceClient(**emulator.client_args("alice"), dispatch="none")
    monkeypatch.setattr(type(client._reports), "__call__", lambda self, exception, where: 1 / 0)
    with client:
        client._core.add_listener("x", {_core.ONLINE: lambda user: int("x")}, LIVE)
        emulator.set_online("bob")
        drain_until(client._core, lambda: bool(seen))
    assert isinstance(seen[0], ZeroDivisionError)


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Presses it as soon as the main thread has had time to fall asleep."""
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    yield timer.start
    timer.join()


def test_ctrl_c_ends_a_blocking_call(
    emulator: Emulator, core: Client, ctrl_c: Callable[[], None]
) -> None:
    with emulator.blackhole():
        ctrl_c()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            core.get_user("bob", None)
        assert time.monotonic() - began < PATIENCE / 2


def test_ctrl_c_ends_a_wait(core: Client, ctrl_c: Callable[[], None]) -> None:
    while core.wait(0):
        core.drain(256)
    ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        core.wait(PATIENCE)
