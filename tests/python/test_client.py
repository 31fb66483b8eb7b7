"""PresenceClient against the emulator: who comes and goes, and who is told."""

import time

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    CometChatException,
    ConnectionStatus,
    Origin,
    PresenceScope,
    SyncState,
    User,
    UserListener,
    UserStatus,
)
from cometpresence.emulator import Emulator

# ---- coming and going


def test_somebody_comes_and_goes(emulator: Emulator, make_client: MakeClient) -> None:
    came, went = Inbox(), Inbox()
    with make_client(emulator) as client:
        client.on_user_online(came)
        client.on_user_offline(went)
        emulator.set_online("bob", at=1_700_000_111)
        bob = came.one()
        assert isinstance(bob, User)
        assert (bob.uid, bob.name, bob.status) == ("bob", "Bob B", "online")
        assert bob.lastActiveAt == 1_700_000_111
        emulator.set_offline("bob", at=1_700_000_222)
        bob = went.one()
        assert (bob.status, bob.last_active_at) == (UserStatus.OFFLINE, 1_700_000_222)
        assert len(came.letters) == 1


def test_the_block_begins_with_a_complete_picture(
    emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(emulator) as client:
        assert client.presence.state is SyncState.SYNCED
        assert client.connection_status is ConnectionStatus.CONNECTED
        assert client.presence.online == emulator.online == {"alice", "erin"}
        assert client.uid == "alice"
    assert client.presence.state is SyncState.CLOSED
    assert client.connection_status is ConnectionStatus.DISCONNECTED


def test_two_clients_see_each_other(emulator: Emulator, make_client: MakeClient) -> None:
    came, went = Inbox(), Inbox()
    with make_client(emulator) as alice:
        alice.on_user_online(came, uids={"dave"})
        alice.on_user_offline(went, uids={"dave"})
        with make_client(emulator, "dave") as dave:
            assert came.one().uid == "dave"
            assert dave.presence.online >= {"alice", "dave"}
        assert went.one().uid == "dave"


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (PresenceScope.all_users(), ["bob", "carol", "dave"]),
        (PresenceScope.roles("student"), ["bob", "carol"]),
        (PresenceScope.friends(), ["bob"]),
    ],
)
def test_the_subscription_decides_whose_presence_comes(
    emulator: Emulator, make_client: MakeClient, scope: PresenceScope, seen: list[str]
) -> None:
    came = Inbox()
    with make_client(emulator, presence=scope) as client:
        client.on_user_online(came)
        for uid in ("dave", "carol", "bob"):
            emulator.set_online(uid)
        came.wait_until(lambda users: "bob" in {user.uid for user in users})  # the last of them
        assert sorted(came.uids()) == seen


def test_without_a_subscription_no_presence_comes(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came = Inbox()
    with make_client(plain_emulator, presence=PresenceScope.none()) as client:
        with pytest.warns(UserWarning, match="never be called"):
            client.on_presence(came)
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
        assert client.get_user("bob").status == "offline"  # the server has long said it, or not
        client.disconnect()
        assert client.stats().events == 0
        assert came.letters == []


# ---- decorators and filters


def test_decorators_bare_and_with_filters(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came: dict[str, list[str]] = {"all": [], "bob": [], "students": [], "both": [], "gone": []}
    done = Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online
        def everybody(user: User) -> None:
            came["all"].append(user.uid)

        @client.on_user_online(uids={"BOB"})
        def only_bob(user: User) -> None:
            came["bob"].append(user.uid)

        @client.on_user_online(roles={"student"})
        def students(user: User) -> None:
            came["students"].append(user.uid)

        @client.on_user_online(uids=["carol", "dave"], roles=["support"])
        def both(user: User) -> None:
            came["both"].append(user.uid)

        @client.on_user_offline(uids={"dave"})
        def gone(user: User) -> None:
            came["gone"].append(user.uid)
            done(user)

        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        for uid in ("bob", "dave"):
            plain_emulator.set_offline(uid)
        done.wait_for(1)
    assert came == {
        "all": ["bob", "carol", "dave"],
        "bob": ["bob"],
        "students": ["bob", "carol"],
        "both": ["dave"],
        "gone": ["dave"],
    }


def test_events_say_what_changed_and_why(plain_emulator: Emulator, make_client: MakeClient) -> None:
    events = Inbox()
    with make_client(plain_emulator) as client:
        client.on_presence(events)
        plain_emulator.set_online("bob", at=1_700_000_111)
        plain_emulator.set_offline("bob")
        came, went = events.wait_for(2)
    assert (came.user.uid, came.online, went.online) == ("bob", True, False)
    assert (came.previous, went.previous) == (UserStatus.UNKNOWN, UserStatus.ONLINE)
    assert came.origin is went.origin is Origin.LIVE
    assert came.at is not None
    assert came.at.timestamp() == 1_700_000_111
    assert came.generation == went.generation == 1
    assert went.seq == came.seq + 1
    assert came.received_at <= went.received_at <= time.monotonic()


def test_those_found_online_at_first_are_told_to_who_asks(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    unasked, snapshot = Inbox(), Inbox()
    client = make_client(plain_emulator)
    client.on_presence(unasked, origins={Origin.LIVE})
    client.on_presence(snapshot, origins={Origin.SNAPSHOT})
    with client:
        found = snapshot.wait_until(lambda es: "erin" in {event.user.uid for event in es})
        assert {event.origin for event in found} == {Origin.SNAPSHOT}
        assert "erin" not in {event.user.uid for event in unasked.letters}


def test_a_batch_handler_gets_lists(plain_emulator: Emulator, make_client: MakeClient) -> None:
    batches, students = Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        client.on_presence_batch(batches)
        client.on_presence_batch(students, roles={"student"})
        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        came = batches.wait_until(lambda lists: sum(map(len, lists)) == 3)
    assert [event.user.uid for batch in came for event in batch] == ["bob", "carol", "dave"]
    assert [event.user.uid for batch in students.letters for event in batch] == ["bob", "carol"]


def test_listeners_are_called_in_the_order_they_were_added_and_the_same_id_goes_to_the_end(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    order: list[str] = []
    done = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(lambda user: order.append("A1"), id="A")
        client.on_user_online(lambda user: order.append("B"), id="B")
        client.add_listener(UserListener(onUserOnline=lambda user: order.append("A2")), id="A")
        client.on_user_online(done)
        plain_emulator.set_online("bob")
        done.wait_for(1)
    assert order == ["B", "A2"]


def test_a_listener_removed_is_not_called_any_more(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    removed, kept = Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        subscription = client.add_listener(UserListener(onUserOnline=removed))
        client.on_user_online(kept)
        plain_emulator.set_online("bob")
        removed.wait_for(1)
        subscription.remove()
        plain_emulator.set_online("carol")
        kept.wait_for(2)
    assert removed.uids() == ["bob"]


def test_a_listener_may_remove_itself_and_add_another(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    once, added, always = Inbox(), Inbox(), Inbox()
    with make_client(plain_emulator) as client:

        def replace_myself(user: User) -> None:
            once(user)
            client.remove_listener("once")
            client.on_user_online(added)

        client.on_user_online(replace_myself, id="once")
        client.on_user_online(always)
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        always.wait_for(2)
        added.wait_for(1)
    assert once.uids() == ["bob"]
    assert added.uids() == ["carol"]  # added during bob's round: told of the next


# ---- what can be asked


def test_the_online_count(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator) as client:
        assert client.online_user_count() == 2
        plain_emulator.set_online("bob")
        assert client.online_user_count() == 3


def test_a_server_error_keeps_the_servers_words(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    client.login()
    client.wait_synced(timeout=PATIENCE)  # or the comparison may take the error
    with plain_emulator.server_errors(count=1), pytest.raises(CometChatException) as caught:
        client.get_user("bob")
    assert caught.value.code
    assert client.get_user("bob").uid == "bob"


def test_stats_count(plain_emulator: Emulator, make_client: MakeClient) -> None:
    came = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(came)
        plain_emulator.set_online("bob")
        came.one()
        stats = client.stats()
    assert stats.events >= 1
    assert stats.frames >= 2
    assert stats.tracked_users >= 3
    assert (stats.reconnects, stats.malformed, stats.handler_errors) == (0, 0, 0)


def test_waiting_when_in_step_already_tells_of_the_last_comparison(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    plain_emulator.set_online("bob")
    with make_client(plain_emulator) as client:
        report = client.wait_synced(timeout=PATIENCE)
        assert (report.online, report.passes, report.pages) == (client._core.online_count(), 1, 1)
        assert report.online >= 1
        assert report.duration > 0
        assert (report.went_online, report.went_offline) == ((), ())


def test_what_was_left_out_is_counted(plain_emulator: Emulator, make_client: MakeClient) -> None:
    plain_emulator.add_user("gus", name="Gus", online=True, metadata={"text": "x" * 20_000})
    plain_emulator.set_online("bob")
    with make_client(plain_emulator, dispatch="none") as client:
        assert client.stats().trimmed == 1
        assert (client.stats().untracked, client.stats().notices_dropped) == (0, 0)
        for _ in range(40):  # two notices each, and nobody takes any
            client.disconnect()
            client.connect()
            client.wait_synced(timeout=PATIENCE)
        assert client.stats().notices_dropped > 0
    with make_client(plain_emulator, max_users=1) as client:
        assert client.stats().untracked >= 1
