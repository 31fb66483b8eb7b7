"""client.presence: a mapping and a set that answer at once, whatever listeners and the server do."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Set

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    OutOfSync,
    PresenceClient,
    PresenceScope,
    Resync,
    SyncState,
    User,
    UserStatus,
)
from cometpresence.emulator import Emulator


@pytest.fixture
def client(plain_emulator: Emulator, make_client: MakeClient) -> Iterator[PresenceClient]:
    with make_client(plain_emulator) as client:
        yield client


# ---- a mapping


def test_it_is_a_mapping_from_uid_to_user(plain_emulator: Emulator, client: PresenceClient) -> None:
    plain_emulator.set_online("bob")
    client.wait_for_online("bob", timeout=PATIENCE)
    plain_emulator.set_offline("bob")
    client.wait_for_offline("bob", timeout=PATIENCE)
    presence = client.presence
    assert isinstance(presence, Mapping)
    assert set(presence) == set(presence.keys()) == {"alice", "bob", "erin"}
    assert len(presence) == 3
    assert {user.uid for user in presence.values()} == set(presence)
    assert dict(presence) == dict(presence.items())
    assert presence == dict(presence)
    bob = presence["bob"]
    assert isinstance(bob, User)
    assert (bob.name, bob.status) == ("Bob B", "offline")
    assert presence.get("bob") == bob
    assert bob in presence.values()
    assert ("bob", bob) in presence.items()
    assert presence.get("nobody") is None
    with pytest.raises(KeyError):
        presence["nobody"]
    assert bool(presence)


def test_it_is_live_and_read_only(plain_emulator: Emulator, client: PresenceClient) -> None:
    presence, online = client.presence, client.presence.online
    assert "carol" not in presence
    assert "carol" not in online
    plain_emulator.set_online("carol")
    client.wait_for_online("carol", timeout=PATIENCE)
    assert "carol" in presence
    assert "carol" in online
    with pytest.raises(TypeError):
        presence["carol"] = presence["erin"]  # type: ignore[index]
    with pytest.raises(TypeError):
        del presence["carol"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("uid", ["erin", "ERIN", "Erin"])
def test_uids_compare_as_the_server_does(client: PresenceClient, uid: str) -> None:
    presence = client.presence
    assert uid in presence
    assert presence[uid].uid == "erin"
    assert presence.is_online(uid)
    assert uid in presence.online
    assert presence.status(uid) is UserStatus.ONLINE


@pytest.mark.parametrize("key", [None, 7, b"erin", ("erin",), "\ud800", ""])
def test_what_can_be_no_uid_is_not_there(client: PresenceClient, key: object) -> None:
    presence = client.presence
    assert key not in presence
    assert key not in presence.online
    with pytest.raises(KeyError):
        presence[key]  # type: ignore[index]


def test_a_frame_in_capitals_is_about_the_user_we_know(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    """One user, called as the server called them last: keys and User.uid always agree."""
    told = Inbox()
    client.on_presence(lambda event: told((event.user.uid, event.online)))
    user = {"uid": "ERIN", "name": "Erin E", "role": "teacher"}
    frame = {"type": "presence", "sender": "ERIN", "body": {"action": "offline", "user": user}}
    plain_emulator.send_raw(json.dumps(frame))
    assert told.one() == ("ERIN", False)
    presence = client.presence
    assert set(presence) == {user.uid for user in presence.values()} == {"alice", "ERIN"}
    assert presence.online == {"alice"}
    assert presence.status("erin") is presence.status("ERIN") is UserStatus.OFFLINE
    client.resync(timeout=PATIENCE)  # the emulator knows nothing of this: she is online
    assert told.wait_for(2)[1] == ("erin", True)
    assert set(presence) == {user.uid for user in presence.values()} == {"alice", "erin"}


# ---- the set of those online


def test_online_is_a_set(client: PresenceClient) -> None:
    online = client.presence.online
    assert isinstance(online, Set)
    assert online == {"alice", "erin"}
    assert len(online) == 2
    assert sorted(online) == ["alice", "erin"]
    assert online & {"erin", "bob"} == {"erin"}
    assert online - {"erin"} == {"alice"}
    assert online | {"bob"} == {"alice", "bob", "erin"}
    assert online <= {"alice", "bob", "erin"}
    assert online.isdisjoint({"bob"})


# ---- what is known, and how well


def test_status_has_three_values(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator) as everybody:
        assert everybody.presence.status("erin") is UserStatus.ONLINE
        assert everybody.presence.status("bob") is UserStatus.OFFLINE
        assert everybody.presence.status("nobody") is UserStatus.OFFLINE
    teachers = PresenceScope.roles("teacher")
    with make_client(plain_emulator, "dave", presence=teachers) as some:
        assert some.presence.status("erin") is UserStatus.ONLINE
        assert some.presence.status("bob") is UserStatus.UNKNOWN
        assert not some.presence.is_online("bob")


def test_before_the_first_comparison_nobody_is_offline(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    presence = make_client(plain_emulator).presence
    assert presence.state is SyncState.AWAITING
    assert presence.generation == 0
    assert presence.status("bob") is UserStatus.UNKNOWN
    assert not presence.is_online("bob")
    with pytest.raises(OutOfSync) as caught:
        presence.is_online("bob", exact=True)
    assert "AWAITING" in str(caught.value)


def test_exactness_is_to_be_had_while_synced_only(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    presence = client.presence
    assert presence.state is SyncState.SYNCED
    assert presence.is_online("erin", exact=True)
    assert not presence.is_online("bob", exact=True)
    client.disconnect()
    assert presence.state is SyncState.STALE
    assert presence.is_online("erin")  # last known
    assert presence.status("bob") is UserStatus.UNKNOWN  # was never heard of
    with pytest.raises(OutOfSync):
        presence.is_online("erin", exact=True)
    client.connect()
    client.wait_synced(timeout=PATIENCE)
    assert presence.is_online("erin", exact=True)
    assert presence.generation == 2
    client.close()
    assert presence.state is SyncState.CLOSED
    assert presence.is_online("erin")
    with pytest.raises(OutOfSync):
        presence.is_online("erin", exact=True)


# ---- nobody holds it up


def test_a_listener_that_sleeps_holds_nothing_up(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    asleep, wake = Inbox(), threading.Event()
    client = make_client(plain_emulator)

    @client.on_user_online(uids={"bob"})
    def sleep(user: User) -> None:
        asleep(user)
        assert wake.wait(PATIENCE * 2)

    with client:
        plain_emulator.set_online("bob")
        asleep.one()
        plain_emulator.set_online("carol")
        plain_emulator.set_offline("erin")
        assert client.wait_for_offline("erin", timeout=PATIENCE).uid == "erin"
        presence = client.presence
        began = time.monotonic()
        for _ in range(1000):
            assert presence.is_online("carol", exact=True)
            assert presence.get("erin", presence["bob"]).status == "offline"
            assert len(presence) == 4
            assert presence.online == {"alice", "bob", "carol"}
        assert time.monotonic() - began < PATIENCE
        wake.set()


def test_a_listener_may_look_at_all_of_it(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    seen = Inbox()
    client = make_client(plain_emulator)
    client.on_user_online(lambda user: seen(set(client.presence.online)))
    with client:
        plain_emulator.set_online("bob")
        assert seen.one() >= {"alice", "bob", "erin"}


def test_walks_are_of_users_that_were_there_while_masses_move(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    """An iteration copies in batches: it never sees anybody twice, nor misses one who stays."""
    stayers = {f"stay{i}" for i in range(300)}
    movers = [f"move{i}" for i in range(300)]
    for uid in stayers:
        plain_emulator.add_user(uid, online=True)
    for uid in movers:
        plain_emulator.add_user(uid)
    client.resync(timeout=PATIENCE)
    over = threading.Event()

    def move() -> None:
        for change in (plain_emulator.set_online, plain_emulator.set_offline) * 2:
            for uid in movers:
                change(uid)
        over.set()

    mover = threading.Thread(target=move)
    mover.start()
    walks = 0
    while not over.is_set() or walks < 3:
        known, online = list(client.presence), list(client.presence.online)
        assert len(known) == len(set(known))
        assert len(online) == len(set(online))
        assert stayers <= set(known)
        assert stayers <= set(online)
        assert set(known) <= stayers | set(movers) | {"alice", "erin"}
        walks += 1
    mover.join()
    client.wait_for_offline(movers[-1], timeout=PATIENCE)
    assert client.presence.online == plain_emulator.online == stayers | {"alice", "erin"}


def test_an_event_says_what_was_known_before_though_it_was_no_event(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    events = Inbox()
    with make_client(plain_emulator, "alice", resync=Resync(whole=True)) as client:
        client.on_presence(events)
        assert client.presence["bob"].status == UserStatus.OFFLINE
        plain_emulator.set_online("bob")
        assert events.one().previous is UserStatus.OFFLINE
