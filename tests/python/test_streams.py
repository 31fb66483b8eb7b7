"""client.events(): what happens, to iterate over, for whoever would rather not be called."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    ClientClosed,
    CometChatException,
    ConfigError,
    EventIterator,
    Origin,
    PresenceClient,
    PresenceEvent,
    PresenceRecorder,
    PresenceScope,
    Reconnect,
    StreamOverflow,
    User,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


@pytest.fixture
def client(plain_emulator: Emulator, make_client: MakeClient) -> Iterator[PresenceClient]:
    with make_client(plain_emulator, reconnect=QUICK) as client:
        yield client


def move(emulator: Emulator, script: str) -> None:
    """ "+bob -erin": bob comes, erin goes."""
    for word in script.split():
        (emulator.set_online if word[0] == "+" else emulator.set_offline)(word[1:])


def known(emulator: Emulator, client: PresenceClient) -> None:
    """Until the client knows what happened so far: carol comes after it, or goes."""
    if "carol" in emulator.online:
        emulator.set_offline("carol")
        client.wait_for_offline("carol", timeout=PATIENCE)
    else:
        emulator.set_online("carol")
        client.wait_for_online("carol", timeout=PATIENCE)


def moves(events: list[PresenceEvent]) -> str:
    return " ".join(f"{'+' if event.online else '-'}{event.user.uid}" for event in events)


def picture(events: list[PresenceEvent]) -> set[str]:
    """Who is online, for somebody who heard nothing but these."""
    online = set()
    for event in events:
        (online.add if event.online else online.discard)(event.user.uid)
    return online


def read_elsewhere(events: EventIterator) -> Callable[[], Any]:
    """Read to the end on another thread; the result is all of it, or what was raised."""
    outcome = Inbox()

    def read() -> None:
        try:
            outcome(list(events))
        except BaseException as error:
            outcome(error)

    threading.Thread(target=read, daemon=True).start()
    return outcome.one


# ---- what is read


def test_a_stream_begins_with_the_call_and_not_with_the_first_event_read(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    events = client.events(stop_after=3)
    move(plain_emulator, "+bob -bob")
    known(plain_emulator, client)
    assert moves(list(events)) == "+bob -bob +carol"
    assert events.closed


def test_events_are_those_that_handlers_are_told(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    told = Inbox()
    client.on_presence(told)
    with client.events() as events:
        move(plain_emulator, "+bob -erin")
        read = [next(events), next(events)]
    for event, same in zip(read, told.wait_for(2), strict=True):
        assert (event.user, event.previous, event.origin) == (same.user, same.previous, same.origin)
        assert event.at == same.at
    assert [event.seq for event in read] == [1, 2]


def test_a_stream_waits_for_what_has_not_happened_yet(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    read = read_elsewhere(client.events(stop_after=1))
    move(plain_emulator, "+bob")
    assert moves(read()) == "+bob"


def test_a_stream_is_about_those_who_were_asked_for(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    bob = client.events(uids={"BOB"}, stop_after=2)
    students = client.events(roles=["student"], stop_after=3)
    both = client.events(uids=["bob", "erin"], roles={"teacher"}, stop_after=1)
    move(plain_emulator, "+bob -erin +dave -bob")
    known(plain_emulator, client)
    assert moves(list(bob)) == "+bob -bob"
    assert moves(list(students)) == "+bob -bob +carol"
    assert moves(list(both)) == "-erin"


def test_only_wanted_events_count(plain_emulator: Emulator, client: PresenceClient) -> None:
    events = client.events(uids={"carol"}, stop_after=1)
    move(plain_emulator, "+bob -bob " * 200)
    known(plain_emulator, client)
    assert moves(list(events)) == "+carol"


def test_streams_do_not_take_from_each_other_nor_from_handlers(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    told = Inbox()
    client.on_user_online(told)
    streams = [client.events(stop_after=1) for _ in range(3)]
    move(plain_emulator, "+bob")
    assert [moves(list(events)) for events in streams] == ["+bob"] * 3
    assert told.one().uid == "bob"


def test_a_stream_works_inside_a_handler(plain_emulator: Emulator, client: PresenceClient) -> None:
    read = Inbox()

    @client.on_user_online(uids={"bob"})
    def wait_for_the_next(user: User) -> None:
        with client.events(timeout=PATIENCE) as events:
            move(plain_emulator, "+dave")
            read(next(events))

    move(plain_emulator, "+bob")
    assert moves(read.wait_for(1)) == "+dave"


# ---- who is online already


def test_a_snapshot_comes_first(plain_emulator: Emulator, client: PresenceClient) -> None:
    events = client.events(snapshot=True)
    move(plain_emulator, "+bob")
    first, second, third = (next(events) for _ in range(3))
    assert {first.user.uid, second.user.uid} == {"alice", "erin"}
    for event in (first, second):
        assert (event.online, event.origin, event.previous) == (True, Origin.SNAPSHOT, "unknown")
    assert (third.user.uid, third.origin) == ("bob", Origin.LIVE)


def test_no_time_at_all_is_enough_for_the_snapshot(client: PresenceClient) -> None:
    online = {event.user.uid for event in client.events(snapshot=True, timeout=0)}
    assert online == set(client.presence.online)
    assert list(client.events(timeout=0)) == []


def test_without_a_snapshot_the_first_comparison_is_no_news(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    usual, everything = client.events(stop_after=1), client.events(origins=Origin, stop_after=2)
    begun = client.events(snapshot=True, stop_after=2)
    with client:
        move(plain_emulator, "+bob")
        assert moves(list(usual)) == "+bob"
        assert {event.origin for event in everything} == {Origin.SNAPSHOT}
        assert picture(list(begun)) == {"alice", "erin"}


def test_the_picture_is_exact_whatever_happens_meanwhile(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    for i in range(60):
        plain_emulator.add_user(f"user{i}", online=i % 2 == 0)
    client.resync(timeout=PATIENCE)
    events = client.events(snapshot=True, maxsize=4)
    heard = []
    for i in range(60):
        move(plain_emulator, f"{'-' if i % 2 == 0 else '+'}user{i} {'+' if i % 3 else '-'}user{i}")
        heard.append(next(events))
    known(plain_emulator, client)
    while picture(heard) != set(client.presence.online):
        heard.append(next(events))
    assert picture(heard) == plain_emulator.online
    assert events.dropped == 0


def test_a_stream_lives_through_a_lost_connection_and_tells_what_it_missed(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    events = client.events(stop_after=1)
    client.disconnect()
    move(plain_emulator, "+bob")
    client.connect()
    [event] = events
    assert (moves([event]), event.origin) == ("+bob", Origin.RESYNC)


# ---- how it ends


def test_it_ends_when_its_time_is_over(plain_emulator: Emulator, client: PresenceClient) -> None:
    began = time.monotonic()
    assert list(client.events(timeout=0.1)) == []
    assert 0.1 <= time.monotonic() - began < 2


def test_it_ends_in_time_also_while_much_happens(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    read = read_elsewhere(client.events(timeout=0.2))
    began, heard = time.monotonic(), []
    while not heard:
        move(plain_emulator, "+bob -bob")
        if time.monotonic() - began > 0.5:
            heard = read()
    assert all(event.received_at <= began + 0.25 for event in heard)


def test_what_came_in_time_is_read_however_late(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    events = client.events(timeout=0.2)
    move(plain_emulator, "+bob")
    known(plain_emulator, client)
    assert list(client.events(timeout=0.2)) == []
    move(plain_emulator, "+dave")
    client.wait_for_online("dave", timeout=PATIENCE)
    assert moves(list(events)) == "+bob +carol"
    assert events.closed


def test_the_clients_end_ends_it_and_loses_nothing(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    waits = read_elsewhere(client.events())
    late = client.events()
    known(plain_emulator, client)
    client.close()
    assert moves(waits()) == moves(list(late)) == "+carol"
    with pytest.raises(ClientClosed):
        client.events()


def test_closing_it_ends_it_from_another_thread(client: PresenceClient) -> None:
    events = client.events()
    read = read_elsewhere(events)
    events.close()
    assert read() == []
    events.close()
    assert list(events) == []


def test_leaving_its_block_ends_it(plain_emulator: Emulator, client: PresenceClient) -> None:
    with client.events() as events:
        move(plain_emulator, "+bob")
        assert moves([next(events)]) == "+bob"
        assert not events.closed
    assert events.closed
    assert repr(events) == "<EventIterator ended>"


def test_a_refusal_is_raised(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator, reconnect=Reconnect(base=0.01, max_attempts=1)) as client:
        read = read_elsewhere(client.events())
        with plain_emulator.refuse_connections():
            plain_emulator.kill_tcp()
            assert isinstance(read(), CometChatException)


def test_a_stream_keeps_its_client(plain_emulator: Emulator, make_client: MakeClient) -> None:
    client = PresenceClient(**plain_emulator.client_args("alice"))
    client.login()
    client.wait_synced(timeout=PATIENCE)
    events = client.events(stop_after=1)
    del client
    move(plain_emulator, "+bob")
    assert moves(list(events)) == "+bob"
    events._client.close()


# ---- slow readers


def test_behind_a_slow_reader_changes_fold(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    events = client.events(maxsize=2, timeout=PATIENCE)
    move(plain_emulator, "+bob -bob " * 50 + "+bob")
    known(plain_emulator, client)
    read = [next(events) for _ in range(4)]
    assert moves(read) == "+bob -bob +bob +carol"
    assert [event.coalesced for event in read] == [0, 0, 98, 0]
    assert events.dropped == 0


def test_or_the_oldest_are_dropped(plain_emulator: Emulator, client: PresenceClient) -> None:
    events = client.events(maxsize=2, overflow="drop_oldest")
    move(plain_emulator, "+bob -bob +dave")
    known(plain_emulator, client)
    assert moves([next(events), next(events)]) == "+dave +carol"
    assert events.dropped == 2


def test_or_the_stream_ends(plain_emulator: Emulator, client: PresenceClient) -> None:
    events = client.events(maxsize=2, overflow="error")
    move(plain_emulator, "+bob -bob +dave")
    known(plain_emulator, client)
    assert moves([next(events), next(events)]) == "+bob -bob"
    with pytest.raises(StreamOverflow):
        next(events)
    assert list(events) == []


# ---- mistakes


@pytest.mark.parametrize(
    "wrong",
    [
        {"uids": "bob"},
        {"roles": [7]},
        {"origins": ["live"]},
        {"origins": None},
        {"timeout": "1"},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"stop_after": 0},
        {"stop_after": True},
        {"maxsize": 0},
        {"overflow": "drop"},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused_at_once(client: PresenceClient, wrong: Any) -> None:
    with pytest.raises(ConfigError):
        client.events(**wrong)


def test_without_a_subscription_there_is_nothing_to_read(
    client_without_server: Callable[..., PresenceClient],
) -> None:
    with pytest.raises(ConfigError, match="all_users") as caught:
        client_without_server(presence=PresenceScope.none()).events()
    assert caught.value.code == "ERR_NO_SUBSCRIPTION"


def test_without_a_subscription_there_is_nothing_to_record(
    client_without_server: Callable[..., PresenceClient], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="all_users") as caught:
        PresenceRecorder(client_without_server(presence=PresenceScope.none()), tmp_path / "none.db")
    assert caught.value.code == "ERR_NO_SUBSCRIPTION"
    assert list(tmp_path.iterdir()) == []
