"""When the platform stops telling, the client finds out, says so and falls back to comparing."""

from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    ConnectionListener,
    ConnectionStatus,
    OutOfSync,
    PresenceClient,
    PresenceScope,
    RequestTimeout,
    Resync,
    SyncState,
)
from cometpresence.emulator import Emulator

QUIET = Resync(audit_after=None)  # no comparison but those asked for


def add_crowd(emulator: Emulator, name: str, count: int) -> list[str]:
    """Users who are online and of whom nobody was told."""
    uids = [f"{name}{i}" for i in range(count)]
    for uid in uids:
        emulator.add_user(uid, online=True)
    return uids


def listening(client: PresenceClient) -> tuple[Inbox, Inbox]:
    reasons, throttled = Inbox(), Inbox()
    client.on_degraded(reasons)
    client.add_listener(ConnectionListener({"onFeatureThrottled": lambda: throttled("throttled")}))
    return reasons, throttled


def test_events_that_are_lost_again_and_again_degrade(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, resync=QUIET)
    reasons, throttled = listening(client)
    synced = Inbox()
    client.on_synced(synced)
    with client, plain_emulator.cap_presence(limit=0):
        for round in (1, 2):
            for i in range(6):
                plain_emulator.add_user(f"user{round}{i}")
                plain_emulator.set_online(f"user{round}{i}")
            assert client.presence.state is SyncState.SYNCED
            assert client.online_user_count() == len(plain_emulator.online)
            synced.wait_for(1 + round)  # the difference asked for a comparison
            assert client.presence.online == plain_emulator.online
        assert "counts other users" in reasons.one()
        assert throttled.one() == "throttled"
        assert client.presence.state is SyncState.DEGRADED
        assert client.connection_status is ConnectionStatus.FEATURE_THROTTLED
        assert client.presence.is_online("user10")
        with pytest.raises(OutOfSync):
            client.presence.is_online("user10", exact=True)
        for _ in range(2):
            client.resync(timeout=PATIENCE)
            assert client.presence.state is SyncState.DEGRADED
            client.online_user_count()
        client.resync(timeout=PATIENCE)
        assert client.presence.state is SyncState.SYNCED
        assert client.connection_status is ConnectionStatus.CONNECTED
        assert client.presence.is_online("user10", exact=True)
    assert (len(reasons.letters), len(throttled.letters)) == (1, 1)


def test_a_wait_while_degraded_believes_only_what_was_compared_since(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    add_crowd(plain_emulator, "user", 1000)
    client = make_client(plain_emulator, resync=QUIET)
    with client, plain_emulator.cap_presence():
        client.online_user_count()
        assert client.presence.state is SyncState.DEGRADED
        plain_emulator.set_offline("user5")  # and nobody tells
        assert client.presence.is_online("user5")  # last known
        before = client.stats().resyncs
        assert client.wait_for_offline("user5", timeout=PATIENCE).uid == "user5"
        assert client.wait_for_online("user6", timeout=PATIENCE).uid == "user6"
        with pytest.raises(RequestTimeout):
            client.wait_for_online("user5", timeout=0.5)
        assert client.presence.state is SyncState.DEGRADED
        assert client.stats().resyncs - before <= 3


def test_beyond_a_thousand_users_it_is_degraded_at_once(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    add_crowd(plain_emulator, "user", 1000)
    client = make_client(plain_emulator, resync=QUIET)
    reasons, throttled = listening(client)
    with client, plain_emulator.cap_presence():
        assert len(client.presence.online) == 1002
        assert client.online_user_count() == 1002
        assert "1,000" in reasons.one()
        assert throttled.one() == "throttled"
        assert client.presence.state is SyncState.DEGRADED


def test_it_finds_out_by_itself(plain_emulator: Emulator, make_client: MakeClient) -> None:
    """A few seconds after the comparison."""
    add_crowd(plain_emulator, "user", 1000)
    client = make_client(plain_emulator, resync=QUIET)
    reasons, _ = listening(client)
    with client:
        assert "1,000" in reasons.one()


def test_small_differences_and_moving_users_do_not_degrade(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, resync=QUIET)
    reasons, _ = listening(client)
    with client:
        add_crowd(plain_emulator, "quiet", 2)
        for _ in range(5):
            client.online_user_count()
            plain_emulator.set_online("bob")
            plain_emulator.set_offline("bob")
            client.online_user_count()
        assert client.presence.state is SyncState.SYNCED
    assert reasons.letters == []


@pytest.mark.parametrize("scope", [PresenceScope.friends(), PresenceScope.roles("teacher")])
def test_a_smaller_scope_cannot_be_counted(
    plain_emulator: Emulator, make_client: MakeClient, scope: PresenceScope
) -> None:
    add_crowd(plain_emulator, "user", 10)
    client = make_client(plain_emulator, resync=QUIET, presence=scope)
    reasons, _ = listening(client)
    with client:
        for _ in range(3):
            client.online_user_count()
            client.resync(timeout=PATIENCE)
        assert client.presence.state is SyncState.SYNCED
    assert reasons.letters == []


def test_our_own_limit_is_not_the_platforms_doing(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    add_crowd(plain_emulator, "user", 10)
    client = make_client(plain_emulator, resync=QUIET, max_users=5)
    reasons, throttled = listening(client)
    with client:
        assert "max_users" in reasons.one()
        client.online_user_count()
        assert client.presence.state is SyncState.DEGRADED
        assert client.connection_status is ConnectionStatus.CONNECTED
    assert (len(reasons.letters), throttled.letters) == (1, [])


@pytest.mark.parametrize("spelling", ["onFeatureThrottled", "on_feature_throttled"])
def test_the_documented_listener_hears_of_it_in_both_spellings(
    plain_emulator: Emulator, make_client: MakeClient, spelling: str
) -> None:
    add_crowd(plain_emulator, "user", 1000)
    told = Inbox()
    listener: Any = type("Listener", (ConnectionListener,), {spelling: lambda self: told(self)})()
    client = make_client(plain_emulator, resync=QUIET)
    client.add_listener(listener)
    with client:
        client.online_user_count()
        assert told.one() is listener
