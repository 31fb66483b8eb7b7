"""People who are looked up by name, whoever is subscribed to."""

import time
from typing import Any

import pytest
from python.conftest import MakeClient
from python.emulated import requests
from python.inbox import PATIENCE, Inbox
from python.loops import client_of, soon

from cometpresence import (
    ConfigError,
    Origin,
    PresenceScope,
    Resync,
    SyncState,
    UserStatus,
)
from cometpresence.emulator import Emulator

OFTEN = 0.1
SELDOM = 600.0
QUIET = Resync(audit_after=None)


def look_ups(emulator: Emulator) -> list[list[str]]:
    """The uids of each question for some of them."""
    asked = [entry["query"]["uids"] for entry in requests(emulator) if "uids" in entry["query"]]
    return [uids.split(",") for uids in asked]


def test_without_a_subscription_synced_means_that_the_named_are_known(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    scope = PresenceScope.none().watching(["ERIN", "bob", "nobody"])
    events = Inbox()
    client = make_client(plain_emulator, presence=scope)
    client.on_presence(events, origins=set(Origin))  # and nobody warns
    with client:
        presence = client.presence
        assert presence.state is SyncState.SYNCED
        assert presence.status("erin") is UserStatus.ONLINE
        assert presence.status("bob") is UserStatus.OFFLINE
        assert presence.status("nobody") is UserStatus.UNKNOWN
        assert presence.status("alice") is UserStatus.UNKNOWN
        assert presence.online == {"erin"}
        assert presence.is_online("erin", exact=True)
        event = events.one()
        assert (event.user.uid, event.origin) == ("erin", Origin.SNAPSHOT)
        assert presence["bob"].name == "Bob B"


def test_changes_are_found_by_looking_and_no_comparison_is_told_of(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    events, synced = Inbox(), Inbox()
    scope = PresenceScope.none().watching(["erin", "bob"], every=OFTEN)
    with make_client(plain_emulator, presence=scope, resync=QUIET) as client:
        client.on_presence(events)
        client.on_synced(synced)
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        events.one()
        plain_emulator.set_offline("erin")
        events.wait_for(2)
        assert client.presence.state is SyncState.SYNCED
        assert client.stats().resyncs == 0
    told = [(event.user.uid, event.online, event.origin) for event in events.letters]
    assert told == [("bob", True, Origin.RESYNC), ("erin", False, Origin.RESYNC)]
    assert synced.letters == []


def test_beyond_the_platforms_cap_the_named_are_known(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    for i in range(1000):
        plain_emulator.add_user(f"user{i}", online=True)
    came, degraded = Inbox(), Inbox()
    scope = PresenceScope.all_users().watching(["bob"], every=OFTEN)
    client = make_client(plain_emulator, presence=scope, resync=QUIET)
    client.on_user_online(came)
    client.on_degraded(degraded)
    with plain_emulator.cap_presence(), client:
        client.online_user_count()
        degraded.one()
        plain_emulator.set_online("carol")  # of whom nobody tells
        plain_emulator.set_online("bob")
        assert came.one().uid == "bob"
        assert client.presence.status("bob") is UserStatus.ONLINE
        assert not client.presence.is_online("carol")
        assert client.presence.state is SyncState.DEGRADED
        plain_emulator.set_offline("bob")
        assert client.wait_for_offline("bob", timeout=PATIENCE).uid == "bob"


def test_the_named_are_known_outside_the_subscription_and_are_no_ghosts(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    gone = Inbox()
    plain_emulator.set_online("bob")
    plain_emulator.set_online("dave")
    scope = PresenceScope.roles("support").watching(["bob", "carol"], every=OFTEN)
    with make_client(plain_emulator, presence=scope, resync=QUIET) as client:
        client.on_user_offline(gone)
        assert client.presence.online == {"bob", "dave"}
        assert client.presence.status("carol") is UserStatus.OFFLINE
        assert client.presence.status("erin") is UserStatus.UNKNOWN
        report = client.resync(timeout=PATIENCE)
        assert (report.online, report.went_offline) == (2, ())
        plain_emulator.set_online("carol")
        client.wait_for_online("carol", timeout=PATIENCE)
        plain_emulator.set_offline("bob")
        assert gone.one().uid == "bob"


def test_what_is_pushed_about_them_is_told_at_once(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    events = Inbox()
    scope = PresenceScope.friends().watching(["bob", "carol"], every=SELDOM)
    with make_client(plain_emulator, presence=scope, resync=QUIET) as client:
        client.on_presence(events)
        plain_emulator.set_online("bob")  # alice's friend
        event = events.one()
        assert (event.user.uid, event.origin) == ("bob", Origin.LIVE)
        assert len(look_ups(plain_emulator)) == 1


def test_they_can_be_waited_for_and_others_cannot(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    scope = PresenceScope.none().watching(["bob", "erin"], every=OFTEN)
    with make_client(plain_emulator, presence=scope) as client:
        assert client.wait_for_online("Erin", timeout=0).uid == "erin"
        assert client.wait_for_offline("bob", timeout=0).uid == "bob"
        plain_emulator.set_online("bob")
        assert client.wait_for_online("bob", timeout=PATIENCE).is_online
        plain_emulator.set_offline("bob")
        event = client.wait_for(lambda event: event.user.uid == "bob", timeout=PATIENCE)
        assert not event.online
        with pytest.raises(ConfigError) as caught:
            client.wait_for_online("carol", timeout=PATIENCE)
        assert caught.value.code == "ERR_NO_SUBSCRIPTION"


def test_after_a_gap_they_are_compared_too(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    events = Inbox()
    scope = PresenceScope.none().watching(["bob", "erin"], every=SELDOM)
    with make_client(plain_emulator, presence=scope, resync=QUIET) as client:
        client.on_presence(events)
        client.disconnect()
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("erin")
        client.connect()
        report = client.wait_synced(timeout=PATIENCE)
        events.wait_for(2)
        assert (report.generation, client.presence.online) == (2, {"bob"})
        assert client.presence.status("erin") is UserStatus.OFFLINE
    assert {event.origin for event in events.letters} == {Origin.RESYNC}


def test_many_are_looked_up_25_at_a_time(plain_emulator: Emulator, make_client: MakeClient) -> None:
    crowd = [f"user{i:02}" for i in range(60)]
    for uid in crowd:
        plain_emulator.add_user(uid, online=uid.endswith("0"))
    scope = PresenceScope.none().watching(crowd, every=SELDOM)
    with make_client(plain_emulator, presence=scope) as client:
        assert client.presence.online == {f"user{i}0" for i in range(6)}
    assert [len(uids) for uids in look_ups(plain_emulator)] == [25, 25, 10]


def test_a_server_that_wants_silence_gets_it(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    scope = PresenceScope.none().watching(["bob"], every=OFTEN)
    with make_client(plain_emulator, presence=scope, resync=QUIET) as client:
        plain_emulator.set_online("bob")
        client.wait_for_online("bob", timeout=PATIENCE)
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob", timeout=PATIENCE)
        plain_emulator.rate_limit(retry_after=1.0)
        start, before = time.monotonic(), len(look_ups(plain_emulator))
        plain_emulator.set_online("bob")
        client.wait_for_online("bob", timeout=PATIENCE)
        assert len(look_ups(plain_emulator)) <= before + 3
        assert time.monotonic() - start >= 0.9


def test_whom_nobody_pushes_can_be_debounced(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    gone = Inbox()
    scope = PresenceScope.none().watching(["bob", "erin"], every=OFTEN)
    with make_client(plain_emulator, presence=scope) as client:
        client.on_user_offline(gone, after=2 * OFTEN)
        plain_emulator.set_offline("erin")
        assert gone.one().uid == "erin"


async def test_on_an_event_loop_they_are_watched_as_well(plain_emulator: Emulator) -> None:
    scope = PresenceScope.none().watching(["bob", "erin"], every=OFTEN)
    async with client_of(plain_emulator, presence=scope) as client:
        assert client.presence.online == {"erin"}
        async with client.events(uids={"bob"}) as events:
            plain_emulator.set_online("bob")
            event = await soon(anext(events))
        assert (event.user.uid, event.origin) == ("bob", Origin.RESYNC)


# ---- what it is made of


def test_names_are_added_once_each_in_whatever_case() -> None:
    scope = PresenceScope.all_users().watching(["Bob", "ann", "BOB"]).watching({"ann"}, every=5)
    assert scope == PresenceScope("all_users", (), ("bob", "ann"), 5.0)
    assert repr(scope) == "PresenceScope.all_users().watching(['bob', 'ann'])"
    many = PresenceScope.roles("a").watching([f"u{i}" for i in range(1000)])
    assert repr(many) == "PresenceScope.roles('a').watching(1000 uids)"


def test_a_scope_is_empty_until_somebody_is_named() -> None:
    assert PresenceScope.none().is_empty
    assert PresenceScope.none().watching([]).is_empty
    assert not PresenceScope.none().watching(["bob"]).is_empty
    assert not PresenceScope.friends().is_empty


@pytest.mark.parametrize(
    ("uids", "code"),
    [
        ("bob", "INVALID_UID"),
        ([""], "INVALID_UID"),
        ([7], "INVALID_UID"),
        (["a,b"], "INVALID_UID"),
        (["a b"], "INVALID_UID"),
        (["a\n"], "INVALID_UID"),
        (["a" * 101], "INVALID_UID"),
        ([f"u{i}" for i in range(1001)], "ERROR_SET_UIDS_EXCEEDED"),
    ],
)
def test_what_can_be_no_uid_is_refused_at_once(uids: Any, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PresenceScope.none().watching(uids)
    assert caught.value.code == code


@pytest.mark.parametrize("every", [0, -1, None, "30", True, float("nan")])
def test_the_time_between_looks_is_more_than_none(every: Any) -> None:
    with pytest.raises(ConfigError, match="every must be"):
        PresenceScope.none().watching(["bob"], every=every)
