"""_core.Feed: changes read beside the listeners."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE

from cometpresence import (
    ClientClosed,
    ConfigError,
    Origin,
    PresenceClient,
    PresenceEvent,
    StreamOverflow,
)
from cometpresence._core import Feed
from cometpresence.emulator import Emulator


@pytest.fixture
def client(plain_emulator: Emulator, make_client: MakeClient) -> Iterator[PresenceClient]:
    with make_client(plain_emulator) as client:
        yield client


def flap(emulator: Emulator, client: PresenceClient, uid: str, times: int) -> None:
    """Goes and comes; returns when the client knows."""
    for _ in range(times):
        emulator.set_offline(uid)
        emulator.set_online(uid)
    emulator.set_online("carol" if "carol" not in emulator.online else "dave")
    client.wait_for_online("dave" if "dave" in emulator.online else "carol", timeout=PATIENCE)


def moves(events: list[PresenceEvent]) -> list[tuple[int, str, bool]]:
    return [(event.seq, event.user.uid, event.online) for event in events]


def read_to_the_end(feed: Feed) -> None:
    while feed.wait(PATIENCE):
        feed.take(100)


def test_a_feed_tells_what_happens_from_now_on(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    with client._core.open_feed(16, "coalesce") as feed:
        assert feed.take(10) == []
        assert feed.wait(0) is False
        flap(plain_emulator, client, "erin", 1)
        assert feed.wait(0) is True
        events = feed.take(2)
        assert moves(events) == [(1, "erin", False), (2, "erin", True)]
        assert [event.previous for event in events] == ["online", "offline"]
        assert events[0].origin is Origin.LIVE
        assert moves(feed.take(10)) == [(3, "carol", True)]
        assert feed.take(0) == []
    assert feed.closed


def test_a_full_feed_folds_changes_of_a_user(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    feed = client._core.open_feed(2, "coalesce")
    flap(plain_emulator, client, "erin", 3)
    events = feed.take(100)
    assert moves(events) == [(1, "erin", False), (2, "erin", True), (3, "carol", True)]
    assert (feed.dropped, feed.coalesced) == (0, 4)


def test_a_full_feed_drops_the_oldest(plain_emulator: Emulator, client: PresenceClient) -> None:
    feed = client._core.open_feed(2, "drop_oldest")
    flap(plain_emulator, client, "erin", 3)
    assert moves(feed.take(100)) == [(1, "carol", True)]  # erin is where she was
    assert (feed.dropped, feed.coalesced) == (6, 0)


def test_a_full_feed_ends(plain_emulator: Emulator, client: PresenceClient) -> None:
    feed = client._core.open_feed(2, "error")
    flap(plain_emulator, client, "erin", 3)
    assert feed.wait(0) is True
    assert len(feed.take(100)) == 2
    with pytest.raises(StreamOverflow):
        feed.wait(None)


def test_a_feed_with_a_snapshot_begins_with_who_is_online(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    feed = client._core.open_feed(16, "coalesce", snapshot=True)
    assert feed.has_news
    flap(plain_emulator, client, "erin", 1)
    alice, *rest = feed.take(100)
    assert (alice.user.uid, alice.previous, alice.origin) == ("alice", "unknown", Origin.SNAPSHOT)
    assert moves(rest) == [(2, "erin", False), (3, "erin", True), (4, "carol", True)]
    assert [event.previous for event in rest] == ["unknown", "offline", "unknown"]
    assert not feed.has_news
    late = client._core.open_feed(16, "coalesce", snapshot=True)
    assert {event.user.uid for event in late.take(100)} == plain_emulator.online


def test_what_came_before_the_end_can_be_taken(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    feed = client._core.open_feed(16, "coalesce")
    flap(plain_emulator, client, "erin", 1)
    client.close()
    assert feed.wait(None) is True
    assert len(feed.take(100)) == 3
    with pytest.raises(ClientClosed):
        feed.wait(None)
    feed.close()
    feed.close()


def test_closing_a_feed_wakes_who_waits_on_it(client: PresenceClient) -> None:
    feed = client._core.open_feed(16, "coalesce")
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            feed.wait(PATIENCE)
        except ClientClosed as error:
            raised.append(error)

    waits = threading.Thread(target=wait)
    waits.start()
    feed.close()
    waits.join(PATIENCE)
    assert len(raised) == 1
    assert feed.take(1) == []


def test_a_feed_does_not_keep_its_client(plain_emulator: Emulator, make_client: MakeClient) -> None:
    client = PresenceClient(**plain_emulator.client_args("alice"))
    client.login()
    feed = client._core.open_feed(16, "coalesce")
    with pytest.warns(ResourceWarning, match="unclosed"):
        del client
    with pytest.raises(ClientClosed):
        read_to_the_end(feed)


@pytest.mark.parametrize(
    ("maxsize", "overflow"),
    [(0, "coalesce"), (-1, "coalesce"), (1 << 40, "coalesce"), (None, "coalesce")]
    + [(16, word) for word in ("", "drop", None, 7)],
)
def test_a_feed_wants_a_size_and_a_rule(
    client: PresenceClient, maxsize: Any, overflow: Any
) -> None:
    with pytest.raises((ConfigError, TypeError)):
        client._core.open_feed(maxsize, overflow)


def test_feeds_are_made_by_clients_only() -> None:
    with pytest.raises(TypeError):
        Feed()
