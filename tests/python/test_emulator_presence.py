"""The WebSocket: who gets in, who is told of whom, and when a socket is gone."""

import contextlib
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from python.emulator_client import Client, Socket, clients

from cometpresence.emulator import Emulator, connection

CLASS = [
    {"uid": "alice", "name": "Alice A", "friends": ["bob"]},
    {"uid": "bob", "name": "Bob B", "role": "teacher", "lastActiveAt": 1_600_000_000},
    {"uid": "carol", "name": "Carol C", "role": "student", "friends": ["alice"]},
    {"uid": "dave", "name": "Dave D", "role": "student"},
]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    # So patient that no socket is closed for its silence where a test expects another reason.
    with Emulator(users=CLASS, auth_timeout=60) as emulator:
        yield emulator


@pytest.fixture
def alice(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator, "alice") as client:
        yield client


def everybody_comes(emulator: Emulator) -> None:
    for uid in ("bob", "carol", "dave"):
        emulator.set_online(uid)


# ---- getting in


def test_a_good_jwt_is_answered_200_ok(emulator: Emulator, alice: Client) -> None:
    ws = alice.dial()
    ws.send(alice.auth_frame(ws))
    assert ws.next() == {
        "appId": emulator.app_id,
        "type": "auth",
        "deviceId": ws.session,
        "sender": "alice",
        "body": {"code": "200", "status": "OK"},
    }
    emulator.wait_for_client()
    assert emulator.online == {"alice"}


@pytest.mark.parametrize("path", ["/", "/?:12345"])
def test_the_socket_is_found_at_the_root_and_behind_the_trick(alice: Client, path: str) -> None:
    ws = alice.dial(path)
    ws.send(alice.auth_frame(ws))
    assert ws.next()["body"]["code"] == "200"


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"auth": "wrong"}},
        {"body": {"auth": 5}},
        {"body": {}},
        {"body": "text"},
        {"appId": "other"},
        {"sender": "bob"},
    ],
    ids=str,
)
def test_bad_authentication_is_answered_401_and_closed(
    emulator: Emulator, alice: Client, wrong: dict[str, Any]
) -> None:
    ws = alice.dial()
    ws.send({**alice.auth_frame(ws, presenceSubscription="ALL_USERS"), **wrong})
    answer = ws.next()
    assert (answer["type"], answer["body"]["code"]) == ("auth", "401")
    assert ws.close_code() == 1008
    assert emulator.online == frozenset()


def test_an_auth_token_is_no_jwt(alice: Client) -> None:
    ws = alice.dial()
    frame = alice.auth_frame(ws)
    frame["body"]["auth"] = alice.headers["authToken"]
    ws.send(frame)
    assert ws.next()["body"]["code"] == "401"


def test_a_socket_that_never_authenticates_is_closed() -> None:
    with Emulator(auth_timeout=0.1) as emulator, Client(emulator) as client:
        quiet, chatty = client.dial(), client.dial()
        chatty.send({"action": "ping"})  # no excuse, and no answer
        assert quiet.close_code() == 1008
        assert chatty.receive().type is aiohttp.WSMsgType.CLOSE


# ---- who is told


@pytest.mark.parametrize(
    ("scope", "body", "told"),
    [
        (None, {}, []),
        ("NONE", {}, []),
        ("SOMETHING_ELSE", {}, []),
        ("ALL_USERS", {}, ["bob", "carol", "dave"]),
        ("FRIENDS", {}, ["bob", "carol"]),
        ("ROLES", {"roles": ["teacher"]}, ["bob"]),
        ("ROLES", {"roles": ["teacher", "student"]}, ["bob", "carol", "dave"]),
        ("ROLES", {"roles": ["nobodys"]}, []),
        ("ROLES", {}, []),
        ("ROLES", {"roles": "teacher"}, []),
        ("FRIENDS", {"roles": ["student"]}, ["bob", "carol"]),
    ],
    ids=str,
)
def test_presence_goes_where_it_was_subscribed(
    emulator: Emulator, alice: Client, scope: str | None, body: dict[str, Any], told: list[str]
) -> None:
    ws = alice.connect(scope, **body)
    everybody_comes(emulator)
    assert ws.moves() == [(uid, "online") for uid in told]
    for uid in ("dave", "carol", "bob"):
        emulator.set_offline(uid)
    assert ws.moves() == [(uid, "offline") for uid in reversed(told)]


def test_the_presence_frame(emulator: Emulator, alice: Client) -> None:
    ws = alice.connect()
    emulator.set_online("bob", at=1_700_000_000)
    emulator.set_offline("bob", at=1_700_000_050)
    online, offline = ws.until_pong()
    assert online["appId"] == emulator.app_id
    assert online["type"] == "presence"
    assert online["sender"] == "bob"
    assert online["deviceId"] not in ("", ws.session)
    assert online["body"]["action"] == "online"
    assert online["body"]["timestamp"] == 1_700_000_000
    user = online["body"]["user"]
    assert (user["uid"], user["name"], user["role"]) == ("bob", "Bob B", "teacher")
    assert user["status"] == "available"
    assert user["lastActiveAt"] == 1_600_000_000  # when bob was seen before
    assert offline["body"]["timestamp"] == 1_700_000_050
    assert offline["body"]["user"]["status"] == "offline"
    assert offline["body"]["user"]["lastActiveAt"] == 1_700_000_000
    assert alice.call("GET", "/users/bob").data["lastActiveAt"] == 1_700_000_050


def test_timestamp_and_last_active_at_always_differ(emulator: Emulator, alice: Client) -> None:
    ws = alice.connect()
    for _ in range(5):  # within one second
        emulator.set_online("dave")
        emulator.set_offline("dave")
    emulator.set_online("dave", at=1_000)
    frames = ws.until_pong()
    assert len(frames) == 11
    for frame in frames:
        assert frame["body"]["user"]["lastActiveAt"] < frame["body"]["timestamp"]


@pytest.mark.parametrize("at", ["now", 1.5, True], ids=repr)
def test_a_timestamp_is_whole_seconds(at: Any) -> None:
    emulator = Emulator()
    for move in (emulator.set_online, emulator.set_offline):
        with pytest.raises(ValueError, match="whole number of Unix seconds"):
            move("superhero1", at=at)


def test_the_manual_clock_is_the_time_of_the_frames() -> None:
    with Emulator(clock="manual") as emulator, Client(emulator) as client:
        ws = client.connect()
        emulator.set_online("superhero2")
        emulator.advance(90.5)
        emulator.set_offline("superhero2")
        first, second = (frame["body"]["timestamp"] for frame in ws.until_pong())
        assert second - first == 90
        for seconds in (-1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="seconds"):
                emulator.advance(seconds)
    with Emulator() as emulator, pytest.raises(RuntimeError, match="manual"):
        emulator.advance(1)


def test_the_same_status_twice_is_one_event(emulator: Emulator, alice: Client) -> None:
    ws = alice.connect()
    for step in (emulator.set_online, emulator.set_online, emulator.set_offline) * 2:
        step("bob")
    emulator.set_offline("bob")
    assert ws.moves() == [("bob", "online"), ("bob", "offline")] * 2


def test_a_user_unknown_to_set_online_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(Exception, match="nobody"):
        emulator.set_online("nobody")


def test_many_move_at_once(emulator: Emulator, alice: Client) -> None:
    ws = alice.connect()
    emulator.set_online("bob")
    emulator.move(["bob", "CAROL", "dave", "carol"])
    carols = [("carol", "online"), ("dave", "online"), ("carol", "offline")]
    assert ws.moves() == [("bob", "online"), ("bob", "offline"), *carols]
    assert emulator.online == {"alice", "dave"}


def test_a_newcomer_who_is_online_is_an_event(emulator: Emulator, alice: Client) -> None:
    ws = alice.connect()
    emulator.add_user("erin", online=True)
    emulator.add_user("frank")
    assert ws.moves() == [("erin", "online")]


# ---- several sockets


def test_online_with_the_first_socket_and_offline_with_the_last(emulator: Emulator) -> None:
    with clients(emulator, "alice", "bob") as (alice, bob):
        watcher = alice.connect()
        first, second = bob.connect(None), bob.connect(None)
        [frame] = watcher.until_pong()
        assert frame["body"]["action"] == "online"
        assert frame["deviceId"] == first.session  # whose doing it was
        closed_after = emulator.journal[-1]["n"]
        first.close()
        emulator.wait_for(lambda e: e.get("event") == "socket_closed", after=closed_after)
        assert watcher.until_pong() == []
        second.close()
        emulator.wait_for(lambda e: e.get("event") == "user_offline", after=closed_after)
        [frame] = watcher.until_pong()
        assert (frame["sender"], frame["body"]["action"]) == ("bob", "offline")
        assert frame["deviceId"] == second.session


def test_a_socket_is_told_of_its_own_coming_by_its_own_session(alice: Client) -> None:
    """The official SDK drops such frames by their deviceId, so there must be some."""
    ws = alice.dial()
    ws.send(alice.auth_frame(ws, presenceSubscription="ALL_USERS"))
    assert ws.next()["type"] == "auth"
    echo = ws.next()
    assert (echo["type"], echo["sender"], echo["deviceId"]) == ("presence", "alice", ws.session)


def test_ones_own_uid_is_news_to_ones_other_sessions(emulator: Emulator, alice: Client) -> None:
    first, second = alice.connect(), alice.connect()
    emulator.set_offline("alice")
    for ws in (first, second):
        [frame] = ws.until_pong()
        assert (frame["sender"], frame["body"]["action"]) == ("alice", "offline")
        assert frame["deviceId"] not in (first.session, second.session)
    third = alice.connect()
    [frame] = first.until_pong()
    assert (frame["body"]["action"], frame["deviceId"]) == ("online", third.session)


def test_set_online_outlives_the_socket(emulator: Emulator) -> None:
    with clients(emulator, "alice", "bob") as (alice, bob):
        watcher, ws = alice.connect(), bob.connect()
        emulator.set_online("bob")
        ws.close()
        emulator.wait_for(lambda e: e.get("event") == "socket_closed" and e["uid"] == "bob")
        assert watcher.moves() == [("bob", "online")]
        emulator.set_offline("bob")
        assert watcher.moves() == [("bob", "offline")]


# ---- pings, noise, silence, goodbye


def test_each_ping_is_answered_on_its_socket(alice: Client) -> None:
    first, second = alice.connect(), alice.connect()
    for _ in range(3):
        first.send({"action": "ping", "ack": "true"})
        assert first.next() == {"action": "pong"}
    assert second.until_pong() == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "no json", "[]", "null", "5", '"text"', "{}", "[" * 50_000),
        *('{"type": "typing_indicator"}', '{"type": {"a": 1}, "action": ["ping"]}'),
        *('{"type": "auth"}', '{"x": "\\ud800"}'),
    ],
    ids=lambda text: text[:20],
)
def test_noise_is_noted_and_otherwise_ignored(emulator: Emulator, alice: Client, text: str) -> None:
    ws = alice.connect()
    ws.send_text(text)
    emulator.set_online("bob")
    assert ws.moves() == [("bob", "online")]
    assert len([e for e in emulator.journal if e["kind"] == "ws" and e["dir"] == "in"]) == 4


def test_half_a_surrogate_pair_comes_back_escaped(alice: Client) -> None:
    ws = alice.dial()
    ws.send({**alice.auth_frame(ws), "deviceId": "odd \ud800 session"})
    assert ws.next()["deviceId"] == "odd \ud800 session"


def test_a_message_beyond_256_kib_ends_the_socket(emulator: Emulator, alice: Client) -> None:
    ws = alice.connect()
    ws.send_text("x" * (256 * 1024 + 1))
    assert ws.close_code() == 1009
    emulator.wait_for(lambda e: e.get("event") == "user_offline" and e["uid"] == "alice")


def test_silence_is_goodbye() -> None:
    with Emulator(silence_timeout=0.2) as emulator, Client(emulator) as client:
        ws = client.connect()
        assert ws.close_code() == 1001
        emulator.wait_for(lambda e: e.get("event") == "user_offline")


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_socket_that_goes_makes_its_user_offline(
    emulator: Emulator, alice: Client, how: str
) -> None:
    ws = alice.connect()
    ws.close() if how == "close" else ws.transport.abort()
    with contextlib.suppress(aiohttp.ClientError):
        ws.close()
    closed = emulator.wait_for(lambda e: e.get("event") == "socket_closed")
    assert (closed["uid"], closed["by"]) == ("alice", "client")
    assert closed["code"] == (1000 if how == "close" else 1006)
    assert emulator.online == frozenset()


def move_a_lot(emulator: Emulator, good: Socket) -> None:
    """More than buffers on the way hold, and nobody else is held up."""
    emulator.add_user("hoarder", metadata={"much": "x" * 100_000})
    for _ in range(100):
        emulator.set_online("hoarder")
        emulator.set_offline("hoarder")
        told = [(uid, status) for uid, status in good.moves() if uid == "hoarder"]
        assert told[-2:] == [("hoarder", "online"), ("hoarder", "offline")]


def test_a_slow_reader_is_told_the_latest_of_each_user(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONGEST_BEHIND", 600.0)
    with clients(emulator, "alice", "bob") as (alice, bob):
        good, slow = alice.connect(), bob.connect()
        good.until_pong()
        slow.transport.pause_reading()
        move_a_lot(emulator, good)
        emulator.set_online("hoarder")
        emulator.set_online("dave")
        slow.transport.resume_reading()
        moves = []
        while not moves or moves[-1] != ("dave", "online"):
            frame = slow.next()
            moves.append((frame["sender"], frame["body"]["action"]))
        assert moves[-2] == ("hoarder", "online")
        assert len(moves) < 150  # of 202
        emulator.set_offline("dave")
        assert slow.next()["body"]["action"] == "offline"  # in order again


def test_a_slow_reader_is_cut_off_and_holds_up_nobody(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONGEST_BEHIND", 0.2)
    with clients(emulator, "alice", "bob") as (alice, bob):
        good, slow = alice.connect(), bob.connect()
        good.until_pong()
        slow.transport.pause_reading()
        move_a_lot(emulator, good)
        emulator.wait_for(lambda e: e.get("event") == "slow_reader")
        emulator.wait_for(lambda e: e.get("event") == "user_offline" and e["uid"] == "bob")
        emulator.set_online("dave")
        assert ("dave", "online") in good.moves()


def test_waiting_for_clients_times_out_with_a_count(emulator: Emulator, alice: Client) -> None:
    first = alice.connect()
    emulator.wait_for_client()
    with pytest.raises(TimeoutError, match="1 of 2"):
        emulator.wait_for_client(count=2, timeout=0.05)
    second = alice.connect()
    emulator.wait_for_client(count=2)
    assert emulator.client_count == 2
    first.close()
    second.close()
