"""Every way the emulator can be made to misbehave, each seen from outside."""

import json
import math
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import aiohttp
import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator
from cometpresence.emulator.faults import REQUIRED, STANDING


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(tls=request.param) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator) as client:
        yield client


@pytest.fixture
def plain() -> Iterator[Client]:
    """For what does not depend on the transport."""
    with Emulator() as emulator, Client(emulator, login=False) as client:
        yield client


def raw_connection(emulator: Emulator) -> socket.socket:
    parts = urlsplit(emulator.url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 0), timeout=5)


def is_refused(emulator: Emulator) -> bool:
    """Does a new connection end at once?  An RST may be seen as early as in connect()."""
    try:
        with raw_connection(emulator) as raw:
            raw.settimeout(0.2)
            return raw.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def admin(emulator: Emulator, path: str, body: object) -> Any:
    """An admin call on a connection of its own."""
    token = {"Authorization": f"Bearer {emulator.admin_token}"}
    request = Request(emulator.admin_url + path, json.dumps(body).encode(), token)
    with urlopen(request, timeout=5) as answer:
        return json.load(answer)["data"]


def come(emulator: Emulator, *uids: str) -> None:
    for uid in uids:
        emulator.set_online(uid)


# ---- the socket


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 4321])
def test_close_all_closes_with_any_code(emulator: Emulator, client: Client, code: int) -> None:
    first, second = client.connect(), client.connect()
    assert emulator.close_all(code) == 2
    assert (first.close_code(), second.close_code()) == (code, code)
    assert emulator.online == frozenset()
    assert emulator.close_all() == 0
    assert client.connect().moves() == []  # and the next one is welcome


def test_close_all_unclean_ends_without_a_close_frame(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    assert emulator.close_all(clean=False) == 1
    assert ws.close_code() is None


def test_kill_tcp_resets(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    assert emulator.kill_tcp() == 1
    assert ws.close_code() is None
    assert emulator.online == frozenset()


def test_an_rst_is_an_rst() -> None:
    """With sockets alone, since a WebSocket library hides how its connection ended."""
    with Emulator() as emulator, raw_connection(emulator) as raw:
        request = (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        raw.sendall(request.encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")
        emulator.wait_for(lambda entry: entry.get("event") == "socket_opened")
        assert emulator.kill_tcp() == 1
        with pytest.raises(ConnectionResetError):
            raw.recv(4096)


def test_refused_connections_end_at_once(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with emulator.refuse_connections():
        assert [is_refused(emulator) for _ in range(3)] == [True, True, True]
        assert ws.moves() == []  # those that are open stay
    assert client.connect().moves() == []


def test_refusals_can_be_counted(emulator: Emulator) -> None:
    fault = emulator.refuse_connections(count=2)
    assert [is_refused(emulator) for _ in range(3)] == [True, True, False]
    assert fault.strikes == 2


def test_a_black_hole_swallows_everything_and_closes_nothing(
    emulator: Emulator, client: Client
) -> None:
    ws = client.connect()
    with emulator.blackhole():
        ws.send({"action": "ping", "ack": "true"})
        emulator.set_online("superhero2")
        with pytest.raises(TimeoutError):
            ws.receive(timeout=0.2)
        with raw_connection(emulator) as raw:  # accepted, and nothing more
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            raw.settimeout(0.2)
            with pytest.raises(TimeoutError):
                raw.recv(1)
    lost = [entry for entry in emulator.journal if entry.get("event") == "event_lost"]
    assert [entry["fault"] for entry in lost] == ["blackhole"]
    assert ws.until_pong() == []  # what was lost stays lost, the socket lives
    assert client.users().status == 200


def test_a_request_in_a_black_hole_is_answered_after_it(emulator: Emulator) -> None:
    fault = emulator.blackhole()
    with raw_connection(emulator) as raw:
        if not emulator.ca_file:
            raw.sendall(b"GET /settings HTTP/1.1\r\nHost: x\r\n\r\n")
            fault.stop()
            assert raw.recv(4096).startswith(b"HTTP/1.1 401")


def test_stop_ends_a_black_hole_too(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    emulator.blackhole()
    with raw_connection(emulator) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        emulator.stop()
        assert time.monotonic() - began < 2.0
    assert ws.close_code() == 1001


def test_a_client_that_leaves_during_its_upgrade_is_noted_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Emulator() as emulator, emulator.slow_upgrade(0.1):
        with raw_connection(emulator) as raw:
            raw.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
        emulator.wait_for(lambda entry: entry.get("event") == "left_during_upgrade")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_slow_upgrade_takes_its_time(emulator: Emulator, client: Client) -> None:
    with emulator.slow_upgrade(0.15):
        began = time.monotonic()
        client.connect()
        assert time.monotonic() - began >= 0.15


def test_good_jwts_can_be_refused(emulator: Emulator, client: Client) -> None:
    emulator.refuse_jwt(count=1)
    ws = client.dial()
    ws.send(client.auth_frame(ws))
    assert ws.next()["body"]["code"] == "401"
    assert ws.close_code() == 1008
    assert client.call("GET", "/me").data["jwt"]  # REST does not know
    assert client.connect().moves() == []


def test_expired_tokens_count_nowhere_any_more(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    emulator.expire_tokens()
    assert client.users().code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    assert client.call("GET", "/me").code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    second = client.dial()
    second.send(client.auth_frame(second))
    assert second.next()["body"]["code"] == "401"
    assert ws.moves() == []  # the open socket stays
    client.login()
    assert client.connect().moves() == []


def test_raw_text_is_a_frame_and_raw_bytes_are_bytes(emulator: Emulator, client: Client) -> None:
    ws, unauthenticated = client.connect(), client.dial()
    emulator.send_raw('{"type":"presence"')
    assert ws.receive().data == '{"type":"presence"'
    emulator.send_raw(b"\x89\x02hi")  # a ping frame
    message = ws.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.PING, b"hi")
    unauthenticated.send(client.auth_frame(unauthenticated))
    assert unauthenticated.next()["type"] == "auth"  # nothing came before


# ---- events


def test_events_can_be_lost(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with emulator.lose_events():
        come(emulator, "superhero2")
    emulator.lose_events(count=1)
    come(emulator, "superhero3", "superhero4")
    assert ws.moves() == [("superhero4", "online")]
    assert emulator.online >= {"superhero2", "superhero3"}  # they happened all the same


def test_events_can_come_twice(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with emulator.duplicate_events(times=3):
        come(emulator, "superhero2")
    come(emulator, "superhero3")
    assert ws.moves() == [("superhero2", "online")] * 3 + [("superhero3", "online")]


def test_events_can_come_in_the_wrong_order(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with emulator.reorder_events(window=3):
        come(emulator, "superhero2", "superhero3", "superhero4")
        emulator.set_offline("superhero2")
        assert [uid for uid, _ in ws.moves()] == ["superhero4", "superhero3", "superhero2"]
        emulator.set_offline("superhero3")
        assert ws.moves() == []
    assert ws.moves() == [("superhero3", "offline"), ("superhero2", "offline")]


def test_events_can_be_late_but_keep_their_order(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    began = time.monotonic()
    with emulator.delay(1.0, jitter=0.5):
        for _ in range(10):
            come(emulator, "superhero2")
            emulator.set_offline("superhero2")
    come(emulator, "superhero3")  # not delayed, but behind the late ones
    assert ws.moves() == []
    frames = [ws.next() for _ in range(21)]
    assert time.monotonic() - began >= 1.0
    actions = [frame["body"]["action"] for frame in frames[:20]]
    assert actions == ["online", "offline"] * 10
    assert frames[20]["sender"] == "superhero3"


def test_beyond_the_cap_events_stop_silently() -> None:
    with Emulator(presence_cap=2) as emulator, Client(emulator) as client:
        ws = client.connect()
        come(emulator, "superhero2", "superhero3", "superhero4")
        emulator.set_offline("superhero4")  # now three: still one too many
        assert ws.moves() == [("superhero2", "online")]
        emulator.set_offline("superhero3")
        assert ws.moves() == [("superhero3", "offline")]
        with emulator.cap_presence(limit=1):
            emulator.set_offline("superhero2")
            assert ws.moves() == [("superhero2", "offline")]


# ---- REST


def test_rate_limits_come_with_every_documented_header(emulator: Emulator, client: Client) -> None:
    emulator.rate_limit(retry_after=1.2, count=2)
    for _ in range(2):
        answer = client.users()
        assert (answer.status, answer.code) == (429, "ERR_TOO_MANY_REQUESTS")
        assert answer.headers["Retry-After"] == "2"  # whole seconds, not too early
        for spelling in ("X-Rate-Limit", "X-RateLimit"):
            assert answer.headers[f"{spelling}-Remaining"] == "0"
            assert int(answer.headers[f"{spelling}-Reset"]) - time.time() == pytest.approx(2, abs=2)
        assert answer.headers["X-Rate-Limit"] == answer.headers["X-RateLimit-Limit"] == "500"
    assert client.users().status == 200


def test_server_errors(emulator: Emulator, client: Client) -> None:
    with emulator.server_errors(status=502, count=5):
        answer = client.users()
        assert (answer.status, answer.code) == (502, "ERR_INTERNAL_SERVER_ERROR")
    assert client.users().status == 200


def test_half_a_page_breaks_off_in_the_middle(emulator: Emulator, client: Client) -> None:
    emulator.half_page()
    with pytest.raises(aiohttp.ClientPayloadError):
        client.users()
    assert len(client.users().uids) == 5


def test_users_can_move_while_pages_are_made(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with emulator.moving_pages(2) as fault:
        for page in (1, 2):
            client.users(per_page=2, page=page, status="available")
    assert fault.strikes == 2
    client.users(per_page=2, page=1)
    moves = ws.moves()
    assert len(moves) == 4
    assert client.uid not in [uid for uid, _ in moves]  # who has a socket is online


def needed(name: str) -> dict[str, float]:
    """The settings a fault does not start without."""
    return {key: 0.01 for key, default in STANDING[name].items() if default is REQUIRED}


@pytest.mark.parametrize("name", STANDING)
def test_every_fault_has_a_method_and_an_admin_call(emulator: Emulator, name: str) -> None:
    with getattr(emulator, name)(**needed(name)) as fault:
        assert fault.name == name
    assert admin(emulator, f"/faults/{name}", needed(name)) == {"active": True}
    assert admin(emulator, f"/faults/{name}", {"stop": True}) == {"active": False}
    events = [entry["event"] for entry in emulator.journal if entry.get("fault") == name]
    assert events == ["fault_started", "fault_ended"] * 2


def test_admin_calls_get_through_with_every_fault_in_force(
    emulator: Emulator, client: Client
) -> None:
    for name in STANDING:
        admin(emulator, f"/faults/{name}", needed(name))
    for name in STANDING:
        assert admin(emulator, f"/faults/{name}", {"stop": True}) == {"active": False}
    assert client.connect().moves() == []


def test_faults_do_not_touch_the_admin_calls(emulator: Emulator, client: Client) -> None:
    emulator.rate_limit(retry_after=1)
    assert client.admin("GET", "/users").status == 200
    assert client.users().status == 429


# ---- faults as such


def test_a_younger_fault_replaces_the_older_one(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with emulator.duplicate_events(times=2):
        younger = emulator.duplicate_events(times=4)
    come(emulator, "superhero2")  # the end of the older one changed nothing
    assert len(ws.moves()) == 4
    younger.stop()
    younger.stop()
    come(emulator, "superhero3")
    assert len(ws.moves()) == 1


SENSELESS: list[tuple[str, dict[str, Any]]] = [
    ("delay", {"seconds": -1}),
    ("delay", {"seconds": "long"}),
    ("delay", {"seconds": math.nan}),
    ("delay", {"seconds": 10**400}),
    ("delay", {"seconds": 1, "jitter": math.inf}),
    ("slow_upgrade", {"seconds": True}),
    ("rate_limit", {"retry_after": math.inf}),
    ("server_errors", {"status": 200}),
    ("duplicate_events", {"times": 0}),
    ("duplicate_events", {"times": 10**9}),
    ("reorder_events", {"window": 0}),
    ("reorder_events", {"window": 2.5}),
    ("moving_pages", {"users": -1}),
    ("cap_presence", {"limit": True}),
    ("lose_events", {"count": 0}),
    ("lose_events", {"count": -1}),
    ("lose_events", {"count": True}),
    ("lose_events", {"count": 1.0}),
    ("close_all", {"code": 99}),
    ("close_all", {"clean": "no"}),
]


@pytest.mark.parametrize(("name", "settings"), SENSELESS)
def test_settings_that_make_no_sense_are_refused(name: str, settings: dict[str, Any]) -> None:
    with Emulator() as emulator:
        with pytest.raises(ValueError, match=f"{name} needs {list(settings)[-1]}, "):
            getattr(emulator, name)(**settings)
        assert [entry for entry in emulator.journal if entry.get("fault")] == []


@pytest.mark.parametrize(("name", "settings"), SENSELESS)
def test_admin_calls_that_make_no_sense_are_bad_requests(
    plain: Client, name: str, settings: dict[str, Any]
) -> None:
    body = json.dumps(settings).replace("Infinity", "1e999")  # JSON, and not finite all the same
    answer = plain.admin("POST", f"/faults/{name}", data=body)
    assert (answer.status, answer.code) == (400, "ERR_BAD_REQUEST")
    assert [entry for entry in plain.emulator.journal if entry.get("fault")] == []


def test_reset_is_as_it_was_made(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    emulator.add_user("newcomer", online=True)
    emulator.lose_events()
    emulator.reset()
    assert ws.close_code() == 1001
    assert emulator.online == frozenset()
    assert client.users().code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    client.login()
    assert "newcomer" not in client.users().uids
    ws = client.connect()
    come(emulator, "superhero2")
    assert ws.moves() == [("superhero2", "online")]


def test_a_client_that_leaves_during_its_request_is_noted_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Emulator() as emulator:
        with raw_connection(emulator) as raw:
            raw.sendall(
                b"POST /v3/users/x/auth_tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
            )
        emulator.wait_for(lambda entry: entry.get("event") == "left_during_request")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
