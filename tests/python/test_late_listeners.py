"""A listener that is added while the client is at work: what it hears of what was before."""

import threading
from collections.abc import Callable

from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import Origin, PresenceEvent, UserStatus
from cometpresence.emulator import Emulator


def test_what_happened_before_a_handler_came_is_not_replayed_to_it(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, "alice")
    with client:
        plain_emulator.set_online("bob")
        client.wait_for_online("bob", timeout=PATIENCE)
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob", timeout=PATIENCE)
        online, offline, events, batches, synced = (Inbox() for _ in range(5))
        client.on_user_online(online)
        client.on_user_offline(offline)
        client.on_presence(events)
        client.on_presence_batch(batches)
        client.on_synced(synced)
        plain_emulator.set_online("carol")
        assert online.one().uid == "carol"
        assert events.one().user.uid == "carol"
        assert [event.user.uid for event in batches.one()] == ["carol"]
        assert offline.letters == synced.letters == []


def test_a_late_handler_that_asks_for_the_snapshot_is_told_who_is_online(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    plain_emulator.set_online("bob")
    with make_client(plain_emulator, "alice") as client:
        early = Inbox()
        client.on_presence(early)  # so the dispatch thread has told the snapshot to nobody
        plain_emulator.set_online("carol")
        early.one()
        events, batches, online = Inbox(), Inbox(), Inbox()
        client.on_presence(events, origins=set(Origin))
        client.on_presence_batch(batches, origins={Origin.SNAPSHOT})
        client.on_user_online(online, origins={Origin.SNAPSHOT})
        events.wait_for(4), batches.wait_for(1), online.wait_for(4)
        everybody = ["alice", "bob", "carol", "erin"]
        assert sorted(event.user.uid for event in events.letters) == everybody
        assert sorted(event.user.uid for event in batches.one()) == everybody
        assert sorted(user.uid for user in online.letters) == everybody
        assert {(event.origin, event.previous, event.seq) for event in events.letters} == {
            (Origin.SNAPSHOT, UserStatus.UNKNOWN, 0)
        }
        plain_emulator.set_offline("bob")
        told = events.wait_for(5)[-1]
        assert (told.user.uid, told.previous, told.origin) == ("bob", "online", Origin.LIVE)
        assert len(early.wait_for(2)) == 2  # the recap was not for those who were there before
        assert len(online.letters) == 4
        assert len(batches.letters) == 1


def test_a_late_handlers_snapshot_and_what_follows_are_one_story(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    uids = [f"walker{number}" for number in range(300)]
    for uid in uids:
        plain_emulator.add_user(uid, online=True)
    stop = threading.Event()

    def walk() -> None:
        while not stop.is_set():
            for uid in uids:
                plain_emulator.set_offline(uid)
                plain_emulator.set_online(uid)

    walker = threading.Thread(target=walk)
    with make_client(plain_emulator, "alice", queue_size=16) as client:
        first, told, faults = Inbox(), {}, []
        client.on_presence(first)
        walker.start()
        first.wait_for(100)

        def follow(listener: int) -> Callable[[PresenceEvent], None]:
            def note(event: PresenceEvent) -> None:
                key = (listener, event.user.uid)
                known = told.get(key)
                if known is event.user.status or known not in (None, event.previous):
                    faults.append((known, event))
                told[key] = event.user.status

            return note

        for listener in range(20):
            client.on_presence(follow(listener), origins=set(Origin))
        first.wait_for(1000)
        stop.set()
        walker.join()
        plain_emulator.set_offline("walker0")
        client.wait_for_offline("walker0", timeout=PATIENCE)
        last = Inbox()
        client.on_presence(last, origins={Origin.SNAPSHOT})
        last.wait_for(301)  # alice, erin, all walkers but one: so what came before is told
        assert faults == []
        for listener in range(20):
            online = {uid for who, uid in told if who == listener and told[who, uid] == "online"}
            assert online == set(client.presence.online), listener


def test_a_recap_is_bounded_by_each_drain(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    for number in range(100):
        plain_emulator.add_user(f"user{number}", online=True)
    with make_client(plain_emulator, "alice", dispatch="none") as client:
        while client.drain():
            pass
        heard = Inbox()
        client.on_presence(heard, origins=set(Origin))
        assert client.wait(0)
        assert client.drain(40) == 40
        client.on_presence(Inbox(), origins=set(Origin))  # waits for its turn
        drained = [40]
        while client.wait(0):
            drained.append(client.drain(40))
        assert max(drained) == 40
        assert sum(drained) == 2 * 102
        assert len({event.user.uid for event in heard.letters}) == len(heard.letters) == 102


def test_a_handler_removed_in_its_recap_hears_no_more_and_hurts_nobody(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    for number in range(100):
        plain_emulator.add_user(f"user{number}", online=True)
    with make_client(plain_emulator, "alice", dispatch="none") as client:
        while client.drain():
            pass
        heard, next_one = Inbox(), Inbox()
        client.on_presence(heard, origins=set(Origin), id="first")
        client.drain(10)
        client.remove_listener("first")
        client.on_presence(next_one, origins=set(Origin))
        while client.wait(0):
            client.drain()
        assert len(heard.letters) == 10
        assert len(next_one.letters) == 102


def test_a_late_handler_misses_nothing_of_what_comes_before_its_snapshot_is_told(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    asleep, wake = threading.Event(), threading.Event()

    def sleep(user: object) -> None:
        asleep.set()
        assert wake.wait(PATIENCE)

    with make_client(plain_emulator, "alice") as client:
        client.on_user_online(sleep, uids={"bob"})
        plain_emulator.set_online("bob")
        assert asleep.wait(PATIENCE)
        default, everything = Inbox(), Inbox()
        client.on_presence(default)
        client.on_presence(everything, origins=set(Origin))
        for uid in ("carol", "dave"):
            plain_emulator.set_online(uid)
            plain_emulator.set_offline(uid)
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob", timeout=PATIENCE)
        wake.set()
        live = [event.seq for event in default.wait_for(5)]
        told = everything.wait_for(8)
        assert sorted(event.user.uid for event in told[:3]) == ["alice", "bob", "erin"]
        assert [event.seq for event in told[3:]] == live


def test_a_handler_added_before_the_login_hears_the_snapshot_as_it_was(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, "alice", dispatch="none")
    heard = Inbox()
    client.on_presence(heard, origins=set(Origin))
    with client:
        plain_emulator.set_offline("erin")
        client.wait_for_offline("erin", timeout=PATIENCE)
        while client.wait(0):
            client.drain()
        assert [event.seq for event in heard.letters] == [1, 2, 3]
        assert heard.letters[-1].origin is Origin.LIVE
