"""Leaves that arrive before their time, and connections that end in every way there is."""

from collections.abc import Iterator
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import Inbox
from trust.diary import Diary

from cometpresence import Origin, PresenceClient, PresenceEvent, Reconnect, Resync, UserStatus
from cometpresence.emulator import Emulator

UIDS = [f"u{n}" for n in range(8)]
QUICK: dict[str, Any] = {
    "reconnect": Reconnect(base=0.02, cap=0.1, floor=0.0),
    "resync": Resync(audit_after=None, page_size=2),
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    users = [{"uid": uid} for uid in UIDS]
    with Emulator(users=[{"uid": "alice"}, *users]) as emulator:
        yield emulator


class InStep:
    """Waits for the picture, and what listeners were told, to be the server's."""

    def __init__(self, emulator: Emulator, client: PresenceClient) -> None:
        self.emulator, self.client = emulator, client
        self.synced, self.disconnected = Inbox(), Inbox()
        self.diary = Diary(client)
        client.on_synced(self.synced)
        client.on_disconnected(self.disconnected)

    def is_exact(self) -> bool:
        truth = self.emulator.online
        return set(self.client.presence.online) == truth and self.diary.online == truth

    def wait(self) -> None:
        self.diary.wait_until(lambda _: self.is_exact())
        assert self.diary.faults == []


def test_a_leave_of_somebody_unknown_in_the_middle_of_a_batch(
    emulator: Emulator, make_client: MakeClient
) -> None:
    """The join was lost, so that the leave is the first we hear of u3."""
    client = make_client(emulator, dispatch="none", **QUICK)
    batches: list[list[PresenceEvent]] = []
    client.on_presence_batch(batches.append)
    client.login()
    client.wait_synced(timeout=10)
    client.drain()
    batches.clear()
    with emulator.lose_events():
        emulator.set_online("u3")
    with emulator.reorder_events(5):  # their end sends what is held: all in one go
        emulator.set_online("u4")
        emulator.set_offline("u3")
        emulator.set_online("u2")
    while client.wait(0.5):
        client.drain()
    told = {event.user.uid: event for batch in batches for event in batch}
    assert told["u3"].previous is UserStatus.UNKNOWN
    assert told["u3"].user.status is UserStatus.OFFLINE
    assert set(client.presence.online) == {"alice", "u2", "u4"} == emulator.online
    assert client.stats().events == 4


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("gap", [False, True], ids=["first list", "list after a gap"])
def test_a_leave_that_overtakes_the_list(
    emulator: Emulator, make_client: MakeClient, page: int, gap: bool
) -> None:
    """Somebody on a page that was made leaves before the list is complete."""
    for uid in UIDS:
        emulator.set_online(uid)
    step = InStep(emulator, make_client(emulator, **QUICK))
    if gap:
        step.client.login()
        step.synced.wait_for(1)

    def leave(number: int) -> None:
        if number == page:
            emulator.before_page = None
            for uid in ("u0", "u2", "u7"):
                emulator.set_offline(uid)

    emulator.before_page = leave
    if gap:
        emulator.kill_tcp()
    else:
        step.client.login()
    report = step.synced.wait_for(1 + gap)[-1]
    assert emulator.before_page is None
    assert set(step.client.presence.online) == emulator.online  # from the first moment on
    assert report.passes > 1  # the list drifted, and was made again
    step.wait()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1012, 4000, 4999])
def test_every_close_is_survived(emulator: Emulator, make_client: MakeClient, code: int) -> None:
    for uid in UIDS[:4]:
        emulator.set_online(uid)
    step = InStep(emulator, make_client(emulator, **QUICK))
    step.client.login()
    step.synced.wait_for(1)
    with emulator.refuse_connections():
        emulator.close_all(1001 if code == 1006 else code, clean=code != 1006)
        emulator.set_offline("u0")
        emulator.set_online("u5")
        assert step.disconnected.one().code == code
        assert step.disconnected.one().will_retry
    step.synced.wait_for(2)
    step.wait()
    assert {step.diary.last[uid].origin for uid in ("u0", "u5")} == {Origin.RESYNC}
    assert step.diary.last["u1"].origin is Origin.SNAPSHOT  # told once
    assert step.client.stats().reconnects == 1
