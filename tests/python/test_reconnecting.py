"""The table of failures (DESIGN §8), the rows the connection survives: what is lost comes back,
nothing already delivered is told again, and the picture ends up the server's."""

import json
import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    CometChatException,
    ConnectionListener,
    ConnectionStatus,
    Origin,
    PresenceClient,
    ProtocolError,
    Reconnect,
    RequestTimeout,
    SyncState,
    TLSError,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


class Watched:
    """A client, and everything it tells."""

    def __init__(self, client: PresenceClient) -> None:
        self.client = client
        self.events, self.errors = Inbox(), Inbox()
        self.connecting, self.connected, self.disconnected = Inbox(), Inbox(), Inbox()
        self.in_connecting = Inbox()
        client.on_presence(self.events)
        client.on_error(self.errors)
        client.on_connecting(self.connecting)
        client.on_connected(self.connected)
        client.on_disconnected(self.disconnected)
        client.add_listener(ConnectionListener(inConnecting=lambda: self.in_connecting(1)))

    def moves(self, uid: str) -> list[tuple[bool, Origin]]:
        return [(e.online, e.origin) for e in self.events.letters if e.user.uid == uid]

    def wait_for_move(self, uid: str, online: bool) -> None:
        self.events.wait_until(
            lambda events: any((e.user.uid, e.online) == (uid, online) for e in events)
        )

    def attempts(self) -> list[int]:
        return [attempt for attempt, _ in self.connecting.letters]


@pytest.fixture
def watch(make_client: MakeClient) -> Callable[..., Watched]:
    def make(emulator: Emulator, **kw: Any) -> Watched:
        return Watched(make_client(emulator, **({"reconnect": QUICK} | kw)))

    return make


def assert_moves_alternate(watched: Watched) -> None:
    for uid in {event.user.uid for event in watched.events.letters}:
        told = [online for online, _ in watched.moves(uid)]
        assert all(one is not next_one for one, next_one in pairwise(told)), (uid, told)
    numbers = [event.seq for event in watched.events.letters]
    assert numbers == sorted(set(numbers))


# ---- DNS, connect, 5xx, socket lost, pong missed, protocol violation: reconnect, for ever


@contextmanager
def refused_after(emulator: Emulator, end: Callable[[Emulator], object]) -> Iterator[None]:
    with emulator.refuse_connections():
        end(emulator)
        yield


@contextmanager
def stopped(emulator: Emulator) -> Iterator[None]:
    emulator.stop()
    yield
    emulator.start()


@contextmanager
def silent(emulator: Emulator) -> Iterator[None]:
    with emulator.blackhole():
        yield


def ended_by(end: Callable[[Emulator], object]) -> Callable[[Emulator], Any]:
    return lambda emulator: refused_after(emulator, end)


INTERRUPTIONS: dict[str, tuple[Callable[[Emulator], Any], int]] = {
    "going away": (ended_by(lambda e: e.close_all(1001)), 1001),
    "normal end": (ended_by(lambda e: e.close_all(1000)), 1000),
    "server error": (ended_by(lambda e: e.close_all(1011)), 1011),
    "own code": (ended_by(lambda e: e.close_all(4321)), 4321),
    "no close frame": (ended_by(lambda e: e.close_all(clean=False)), 1006),
    "reset": (ended_by(lambda e: e.kill_tcp()), 1006),
    "connection refused": (stopped, 1001),
    "pong missed": (silent, 1006),
    "reserved opcode": (ended_by(lambda e: e.send_raw(b"\x83\x00")), 1006),
    "masked by a server": (ended_by(lambda e: e.send_raw(b"\x81\x82abcdhi")), 1006),
    "reserved bit": (ended_by(lambda e: e.send_raw(b"\xc1\x00")), 1006),
    "half a ping": (ended_by(lambda e: e.send_raw(b"\x09\x00")), 1006),
    "no beginning": (ended_by(lambda e: e.send_raw(b"\x80\x00")), 1006),
    "terabytes": (ended_by(lambda e: e.send_raw(b"\x81\x7f" + b"\xff" * 8)), 1006),
}


@pytest.mark.parametrize("how", INTERRUPTIONS)
def test_an_interruption_loses_nothing_and_tells_nothing_twice(
    plain_emulator: Emulator, watch: Callable[..., Watched], how: str
) -> None:
    interruption, code = INTERRUPTIONS[how]
    # Short times only where they are what ends it: a busy machine must not end the others.
    soon = {"ping_interval": 0.3, "ping_timeout": 0.3, "connect_timeout": 0.3}
    watched = watch(plain_emulator, **(soon if how == "pong missed" else {}))
    client = watched.client
    with client:
        plain_emulator.set_online("bob")
        watched.wait_for_move("bob", True)
        with interruption(plain_emulator):
            lost = watched.disconnected.one()
            watched.connecting.wait_until(lambda told: len(told) >= 4)
            assert client.connection_status is ConnectionStatus.CONNECTING
            assert client.presence.state is SyncState.STALE
            assert client.presence.is_online("bob")  # last known
            plain_emulator.set_offline("bob")
            plain_emulator.set_online("carol")
        assert watched.connected.wait_for(2) == [1, 2]
        client.wait_synced(timeout=PATIENCE)
        watched.wait_for_move("carol", True)
        watched.wait_for_move("bob", False)
        plain_emulator.set_online("dave")
        watched.wait_for_move("dave", True)
        assert client.presence.online == plain_emulator.online
        assert client.presence.state is SyncState.SYNCED
        stats = client.stats()
    assert (lost.code, lost.will_retry) == (code, True)
    assert lost.retry_in is not None
    assert watched.moves("bob") == [(True, Origin.LIVE), (False, Origin.RESYNC)]
    assert watched.moves("carol") == [(True, Origin.RESYNC)]
    assert watched.moves("dave") == [(True, Origin.LIVE)]
    assert_moves_alternate(watched)
    assert stats.reconnects == 1
    assert stats.malformed == 0
    assert watched.errors.letters == []


def test_attempts_are_counted_and_their_delays_grow_within_their_bounds(
    plain_emulator: Emulator, watch: Callable[..., Watched]
) -> None:
    policy = Reconnect(base=0.01, cap=0.04, floor=0.005)
    watched = watch(plain_emulator, reconnect=policy)
    with watched.client:
        with plain_emulator.refuse_connections(count=6):
            plain_emulator.kill_tcp()
            watched.connected.wait_for(2)
        watched.client.wait_synced(timeout=PATIENCE)
    assert watched.attempts() == [1, *range(1, 8)]  # the seventh came through
    delays = [delay for _, delay in watched.connecting.letters]
    assert delays[0] == 0.0
    for n, delay in enumerate(delays[1:]):
        assert policy.floor <= delay <= min(policy.cap, policy.base * 2**n)
    assert len(watched.in_connecting.letters) == len(delays)


def test_after_the_last_attempt_allowed_the_client_stops_and_says_so(
    plain_emulator: Emulator, watch: Callable[..., Watched]
) -> None:
    watched = watch(
        plain_emulator, reconnect=Reconnect(base=0.01, cap=0.01, floor=0.0, max_attempts=2)
    )
    with watched.client as client:
        with plain_emulator.refuse_connections():
            plain_emulator.kill_tcp()
            error, _ = watched.errors.one()
            with pytest.raises(CometChatException):
                client.wait_synced(timeout=PATIENCE)
        assert isinstance(error, ConnectionError)
        assert client.connection_status is ConnectionStatus.DISCONNECTED
        assert watched.attempts() == [1, 1, 2]
        client.connect()  # by hand it goes on
        client.wait_synced(timeout=PATIENCE)
    assert len(watched.errors.letters) == 1


def test_an_upgrade_that_takes_too_long_is_given_up_and_tried_again(
    plain_emulator: Emulator, watch: Callable[..., Watched]
) -> None:
    watched = watch(plain_emulator, connect_timeout=0.3)
    with plain_emulator.slow_upgrade(30.0, count=2):
        watched.client.login()
        watched.client.wait_synced(timeout=PATIENCE)
    assert watched.attempts() == [1, 2, 3]
    assert watched.connected.letters == [1]


@pytest.mark.parametrize(
    "fault",
    [
        lambda emulator: emulator.server_errors(status=500, count=2),
        lambda emulator: emulator.server_errors(status=503, count=2),
        lambda emulator: emulator.half_page(count=2),
    ],
    ids=["500", "503", "half a page"],
)
def test_a_synchronisation_that_fails_is_repeated_until_it_is_complete(
    plain_emulator: Emulator, watch: Callable[..., Watched], fault: Callable[[Emulator], Any]
) -> None:
    watched = watch(plain_emulator)
    with watched.client as client:
        with plain_emulator.refuse_connections():
            plain_emulator.kill_tcp()
            watched.disconnected.one()
            plain_emulator.set_offline("erin")
            plain_emulator.set_online("carol")
            fault(plain_emulator)
        watched.connected.wait_for(2)
        report = client.wait_synced(timeout=PATIENCE)
        assert "carol" in report.went_online
        assert "erin" in report.went_offline
        assert client.presence.online == plain_emulator.online
    assert_moves_alternate(watched)


def test_a_second_loss_during_a_synchronisation_infers_nothing_from_half_of_it(
    plain_emulator: Emulator, watch: Callable[..., Watched]
) -> None:
    watched = watch(plain_emulator)
    losses = Inbox()

    def lose_again(page: int) -> None:
        if len(losses.letters) < 2 and plain_emulator.kill_tcp():
            losses(page)

    with watched.client as client:
        plain_emulator.before_page = lose_again
        plain_emulator.kill_tcp()
        watched.connected.wait_for(4)
        client.wait_synced(timeout=PATIENCE)
        assert client.presence.online == plain_emulator.online
    assert watched.moves("erin") == []  # online all the time, so there is nothing to tell
    assert_moves_alternate(watched)


# ---- TLS verification: reported once, never downgraded, and no hammering


def test_a_server_that_comes_back_with_another_certificate_is_reported_once_and_left_alone(
    watch: Callable[..., Watched],
) -> None:
    with Emulator(tls=True) as first:
        watched = watch(first, uid="superhero1")
        client = watched.client
        client.login()
        client.wait_synced(timeout=PATIENCE)
        port = int(first.url.rpartition(":")[2])
    with Emulator(tls=True, port=port, app_id=first.app_id, auth_key=first.auth_key) as second:
        error, _ = watched.errors.one()
        assert isinstance(error, TLSError)
        assert isinstance(error, ConnectionError)
        assert "certificate" in error.message
        attempts = len(watched.attempts())
        with pytest.raises(RequestTimeout, match="certificate"):
            client.wait_synced(timeout=0.3)  # a quick client would have tried again often
        assert len(watched.attempts()) == attempts
        assert second.journal[-1]["event"] == "started"  # it never got to say a word
    client.close()
    assert len(watched.errors.letters) == 1


# ---- malformed and oversized JSON, bad UTF-8, NUL, depth: counted, the connection kept


def deep(levels: int) -> str:
    return '{"type":"presence","body":' + "[" * levels + "]" * levels + "}"


def framed(payload: bytes) -> bytes:
    """A text frame with this payload, whatever it is."""
    if len(payload) < 126:
        return struct.pack(">BB", 0x81, len(payload)) + payload
    return struct.pack(">BBQ", 0x81, 127, len(payload)) + payload


MALFORMED: dict[str, str | bytes] = {
    "no JSON": "hello",
    "nothing": "",
    "cut off": '{"type":"presence"',
    "something behind": '{"type":"presence"} {}',
    "too deep": deep(40),
    "far too deep": deep(50_000),
    "NUL in a text": '{"type":"pre\\u0000sence"}',
    "NUL": b"\x81\x02{\0",
    "not UTF-8": framed(b'{"type":"\xff\xfe"}'),
    "overlong UTF-8": framed(b'{"type":"\xc0\x80"}'),
    "a lone surrogate": framed(b'{"type":"\xed\xa0\x80"}'),
    "NaN": '{"type":NaN}',
    "single quotes": "{'type':'presence'}",
    "oversized": framed(b'{"type":"' + b"x" * 300_000 + b'"}'),
    "oversized in pieces": b"\x01\x7f"
    + struct.pack(">Q", 200_000)
    + b"x" * 200_000
    + b"\x80\x7f"
    + struct.pack(">Q", 200_000)
    + b"x" * 200_000,
    "no uid": '{"type":"presence","body":{"action":"online","user":{"name":"?"}}}',
    "a uid with NUL": '{"type":"presence","body":{"action":"online","user":{"uid":"a\\u0000"}}}',
    "two uids": '{"type":"presence","body":{"action":"online","user":{"uid":"a","uid":"b"}}}',
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_malformed_is_counted_and_the_connection_kept(
    plain_emulator: Emulator, watch: Callable[..., Watched], what: str
) -> None:
    watched = watch(plain_emulator)
    with watched.client as client:
        plain_emulator.send_raw(MALFORMED[what])
        plain_emulator.set_online("bob")
        watched.wait_for_move("bob", True)
        assert client.stats().malformed == 1
        assert client.connection_status is ConnectionStatus.CONNECTED
        error, _ = watched.errors.one()
    assert isinstance(error, ProtocolError)
    assert watched.connected.letters == [1]
    assert {event.user.uid for event in watched.events.letters} <= {"alice", "bob"}


def test_malformed_frames_are_logged_at_most_once_a_minute(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    came = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(came)
        for _ in range(50):
            plain_emulator.send_raw("rubbish")
        plain_emulator.set_online("bob")
        came.one()
        assert client.stats().malformed == 50
    records = [record for record in caplog.records if record.name == "cometpresence"]
    assert len(records) == 1
    assert records[0].levelno >= logging.WARNING


# ---- unknown frame type: counted


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "novelty", "body": {}},
        {"type": "novelty"},
        {"action": "dance"},
        {},
        [],
        17,
        None,
    ],
)
def test_an_unknown_frame_is_counted_and_not_an_error(
    plain_emulator: Emulator, watch: Callable[..., Watched], frame: Any
) -> None:
    watched = watch(plain_emulator)
    with watched.client as client:
        plain_emulator.send_raw(json.dumps(frame))
        plain_emulator.set_online("bob")
        watched.wait_for_move("bob", True)
        stats = client.stats()
    assert (stats.unknown_frames, stats.malformed) == (1, 0)
    assert watched.errors.letters == []
    assert watched.connected.letters == [1]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "typing_indicator", "body": {"action": "started"}},
        {"type": "receipts", "body": {"action": "read"}},
        {"type": "message", "body": {}},
        {"type": "presence", "body": {"action": "levitating", "user": {"uid": "bob"}}},
    ],
    ids=lambda frame: frame["type"],
)
def test_what_we_know_and_do_not_care_about_is_not_counted(
    plain_emulator: Emulator, watch: Callable[..., Watched], frame: dict[str, Any]
) -> None:
    watched = watch(plain_emulator)
    with watched.client as client:
        plain_emulator.send_raw(json.dumps(frame))
        plain_emulator.set_online("bob")
        watched.wait_for_move("bob", True)
        stats = client.stats()
    assert (stats.unknown_frames, stats.malformed) == (0, 0)
    assert watched.errors.letters == []
