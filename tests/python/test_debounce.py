"""Handlers with after=: they hear of a change that lasts, once, and of no other."""

import asyncio
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from python import loops
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    ConfigError,
    Origin,
    PresenceClient,
    PresenceEvent,
    Reconnect,
    Resync,
    SyncState,
    User,
)
from cometpresence.emulator import Emulator

SOON = 0.2
LONG = 60.0
AT_ONCE = Reconnect(base=0.02, cap=0.05, floor=0.01)


def let_pass(seconds: float) -> None:
    """For what must not happen meanwhile."""
    threading.Event().wait(seconds)


class Timed(Inbox):
    """Remembers when, too."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def __call__(self, *arguments: Any) -> None:
        self.times.append(time.monotonic())
        super().__call__(*arguments)


def test_who_stays_away_is_told_of_once_after_that_long(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    left, gone = Timed(), Timed()
    with make_client(plain_emulator) as client:
        client.on_user_offline(left)
        client.on_user_offline(gone, after=SOON)
        plain_emulator.set_offline("erin")
        user = gone.one()
        let_pass(2 * SOON)
    assert (user.uid, user.is_online) == ("erin", False)
    assert len(gone.letters) == 1
    assert gone.times[0] - left.times[0] >= SOON - 0.02  # they left before we were told


def test_who_comes_back_in_time_is_not_mentioned_but_counted_and_online_is_told_at_once(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came, gone, end = Inbox(), Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(came)
        client.on_user_offline(gone, after=LONG)
        client.on_user_offline(end, uids={"bob"})
        for _ in range(3):
            plain_emulator.set_offline("erin")
            plain_emulator.set_online("erin")
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
        end.one()
        assert came.uids() == ["erin", "erin", "erin", "bob"]
        assert client.stats().flaps == 3
    assert gone.letters == []


def test_online_after_a_while_is_told_only_of_those_who_stay(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    settled = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(after=SOON)(settled)
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
        plain_emulator.set_online("carol")
        settled.one()
        assert client.stats().flaps == 1
    assert settled.uids() == ["carol"]


def test_changes_that_last_alternate_though_those_between_do_not_last(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    events: Inbox = Inbox()
    with make_client(plain_emulator) as client:
        client.on_presence(events, after=SOON)
        plain_emulator.set_offline("erin")
        plain_emulator.set_online("erin")  # taken back, and then nothing is news
        plain_emulator.set_offline("erin")
        [first] = events.wait_for(1)
        plain_emulator.set_online("erin")
        plain_emulator.set_offline("erin")
        plain_emulator.set_online("erin")
        events.wait_for(2)
        assert client.stats().flaps == 2
    assert isinstance(first, PresenceEvent)
    assert [event.online for event in events.letters] == [False, True]


def test_filters_and_origins_hold_for_what_lasts(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    teachers, found = Inbox(), Inbox()
    client = make_client(plain_emulator)
    client.on_user_online(found, origins={Origin.SNAPSHOT}, after=3 * SOON)
    client.on_user_online(teachers, roles={"teacher"}, uids={"ERIN", "bob"}, after=SOON)
    with client:
        plain_emulator.set_offline("erin")
        plain_emulator.set_online("erin")
        plain_emulator.set_online("bob")
        teachers.one()
        found.one()
    assert teachers.uids() == ["erin"]
    assert found.uids() == ["alice"]  # erin was found, too, but did not stay


# ---- while nothing is known for sure


@contextmanager
def connection_lost(emulator: Emulator, client: PresenceClient) -> Iterator[None]:
    """Nobody gets in until the block ends."""
    lost = Inbox()
    client.on_disconnected(lost)
    with emulator.refuse_connections():
        emulator.kill_tcp()
        lost.one()
        yield


def test_while_disconnected_nothing_is_guessed_and_the_next_comparison_decides(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    gone = Inbox()
    plain_emulator.set_online("bob")
    with make_client(plain_emulator, reconnect=AT_ONCE) as client:
        client.on_user_offline(gone, after=SOON)
        plain_emulator.set_offline("erin")
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob", timeout=PATIENCE)
        with connection_lost(plain_emulator, client):
            let_pass(2 * SOON)
            assert client.presence.state is SyncState.STALE
            assert gone.letters == []
            plain_emulator.set_online("bob")  # unseen
        gone.one()
        let_pass(2 * SOON)
        assert client.stats().flaps == 1
    assert gone.uids() == ["erin"]


def test_who_left_unseen_is_told_of_when_known_to_be_away_that_long(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    found, gone = Timed(), Timed()
    with make_client(plain_emulator, reconnect=AT_ONCE) as client:
        client.on_user_offline(found, origins={Origin.RESYNC})
        client.on_user_offline(gone, after=SOON)
        with connection_lost(plain_emulator, client):
            plain_emulator.set_offline("erin")
        assert gone.one().uid == "erin"
    assert gone.times[0] - found.times[0] >= SOON - 0.02


def test_while_the_platform_is_silent_a_comparison_decides(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    gone, degraded = Inbox(), Inbox()
    quiet = Resync(audit_after=None)
    for i in range(1000):
        plain_emulator.add_user(f"user{i}", online=True)
    with (
        make_client(plain_emulator, resync=quiet) as client,
        plain_emulator.cap_presence(),
    ):
        client.on_degraded(degraded)
        client.on_user_offline(gone, after=SOON)
        client.online_user_count()
        degraded.one()
        plain_emulator.set_offline("erin")
        client.resync(timeout=PATIENCE)
        let_pass(2 * SOON)
        assert client.presence.state is SyncState.DEGRADED
        assert gone.letters == []
        client.resync(timeout=PATIENCE)
        assert gone.one().uid == "erin"


# ---- the end of waiting


def test_what_waits_ends_with_its_handler_or_the_client(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    removed, replaced, replacement, closed = Inbox(), Inbox(), Inbox(), Inbox()
    with make_client(plain_emulator, dispatch="none") as client:
        client.on_user_offline(removed, after=SOON, id="removed")
        client.on_user_offline(replaced, after=SOON, id="replaced")
        client.on_user_offline(closed, after=2 * SOON)
        plain_emulator.set_offline("erin")
        client.wait_for_offline("erin", timeout=PATIENCE)
        while client.drain():
            pass
        assert client.remove_listener("removed")
        client.on_user_offline(replacement, after=SOON, id="replaced")
        let_pass(SOON)
        client.drain()
    let_pass(2 * SOON)
    client.drain()
    assert [inbox.letters for inbox in (removed, replaced, replacement, closed)] == [[]] * 4


# ---- how it is called


def test_one_that_raises_is_reported_and_the_others_are_told(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    errors, gone = Inbox(), Inbox()
    plain_emulator.set_online("bob")
    with make_client(plain_emulator) as client:

        @client.on_user_offline(after=SOON, id="broken one")
        def broken(user: User) -> None:
            raise ZeroDivisionError(user.uid)

        client.on_user_offline(gone, after=SOON)
        client.on_error(errors)
        plain_emulator.set_offline("bob")
        plain_emulator.set_offline("erin")
        gone.wait_for(2)
        told = errors.wait_for(2)
        assert client.stats().handler_errors == 2
    assert {str(error) for error, _ in told} == {"bob", "erin"}
    assert all("broken one" in where for _, where in told)


def test_many_are_told_each_once_on_the_one_thread(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    many = [f"user{i}" for i in range(300)]
    for uid in many:
        plain_emulator.add_user(uid, online=True)
    gone, threads = Inbox(), set()
    with make_client(plain_emulator) as client:

        @client.on_user_offline(after=SOON)
        def tell(user: User) -> None:
            threads.add(threading.current_thread())
            gone(user)

        before = threading.active_count()
        for uid in many:
            plain_emulator.set_offline(uid)
        gone.wait_for(len(many))
        assert threading.active_count() == before
        assert threads == {client._dispatcher}
    assert sorted(gone.uids()) == sorted(many)


def test_a_consumer_who_was_busy_decides_by_how_it_ended(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    gone, busy, go_on = Inbox(), threading.Event(), threading.Event()
    with make_client(plain_emulator) as client:
        client.on_user_offline(gone, after=SOON)

        @client.on_user_online(uids={"bob"})
        def sleep(user: User) -> None:
            busy.set()
            assert go_on.wait(PATIENCE)

        plain_emulator.set_online("carol")
        client.wait_for_online("carol", timeout=PATIENCE)
        plain_emulator.set_offline("erin")
        plain_emulator.set_offline("carol")
        plain_emulator.set_online("bob")
        assert busy.wait(PATIENCE)
        let_pass(2 * SOON)
        plain_emulator.set_online("erin")  # too late, but nobody was told otherwise
        client.wait_for_online("erin", timeout=PATIENCE)
        go_on.set()
        gone.one()
        assert client.stats().flaps == 1
    assert gone.uids() == ["carol"]


def wait_by_itself(client: PresenceClient) -> None:
    assert client.wait(PATIENCE)


def wait_by_poll(client: PresenceClient) -> None:
    assert select.select([client], [], [], PATIENCE)[0]


@pytest.mark.parametrize("wait", [wait_by_itself, wait_by_poll])
def test_without_a_thread_the_bell_rings_when_it_is_time(
    plain_emulator: Emulator, make_client: MakeClient, wait: Callable[[PresenceClient], None]
) -> None:
    gone, wakes = Timed(), 0
    with make_client(plain_emulator, dispatch="none", resync=Resync(audit_after=None)) as client:
        client.on_user_offline(gone, after=SOON)
        plain_emulator.set_offline("erin")
        client.wait_for_offline("erin", timeout=PATIENCE)
        start = time.monotonic()
        while not gone.letters:
            wait(client)
            client.drain()
            wakes += 1
    assert gone.times[0] - start >= SOON - 0.05
    assert wakes <= 5  # it sleeps in between


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf"), "30", True, None])
def test_after_takes_seconds(client_without_server: Callable[..., Any], after: Any) -> None:
    client = client_without_server()
    with pytest.raises(ConfigError, match="after must be seconds"):
        client.on_user_offline(Inbox(), after=after)


def test_a_batch_cannot_wait(client_without_server: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="unknown filter: after"):
        client_without_server().on_presence_batch(Inbox(), after=1)


# ---- on an event loop


@pytest.mark.usefixtures("loop_factory")
async def test_a_coroutine_function_may_wait_for_what_lasts(plain_emulator: Emulator) -> None:
    came, gone, errors = loops.Inbox(), loops.Inbox(), loops.Inbox()
    plain_emulator.set_online("bob")
    async with loops.client_of(plain_emulator, resync=Resync(audit_after=None)) as client:

        @client.on_user_offline(after=SOON, id="patient")
        async def tell(user: User) -> None:
            await asyncio.sleep(0)
            gone(user.uid)
            raise ZeroDivisionError(user.uid)

        client.on_user_online(came)
        client.on_error(errors)
        plain_emulator.set_offline("bob")
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("erin")
        await gone.wait_for(1)
        [(error, where)] = await errors.wait_for(1)
        assert client.stats().flaps == 1
    assert gone.letters == ["erin"]
    assert isinstance(error, ZeroDivisionError)
    assert "patient" in where
    assert [user.uid for user in came.letters] == ["bob"]
