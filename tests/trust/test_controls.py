"""What makes presence hard, one scenario each, played by cometpresence, which must end up with the
server's picture, and by two controls, which must not: else the scenario would prove nothing."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import pytest
from python.inbox import Inbox
from trust.controls import BOT, PAGE, NaiveClient, OnePassClient

from cometpresence import PresenceClient, Reconnect, Resync
from cometpresence.emulator import Emulator

UIDS = [f"u{n}" for n in range(1, 8)]


class Subject(Protocol):
    @property
    def online(self) -> set[str]: ...
    def settle(self, is_settled: Callable[[], bool]) -> bool: ...
    def close(self) -> None: ...


class OurClient:
    """cometpresence, told nothing of what is going on."""

    def __init__(self, emulator: Emulator) -> None:
        self._changed = Inbox()
        self.client = PresenceClient(
            **emulator.client_args(BOT),
            reconnect=Reconnect(base=0.02, cap=0.1, floor=0.0),
            resync=Resync(audit_after=0.2, page_size=PAGE),
        )
        self.client.on_presence(self._changed)
        self.client.on_synced(self._changed)
        self.client.__enter__()

    @property
    def online(self) -> set[str]:
        return set(self.client.presence.online)

    def settle(self, is_settled: Callable[[], bool]) -> bool:
        with suppress(AssertionError):  # it never came
            self._changed.wait_until(lambda _: is_settled())
        return is_settled()

    def close(self) -> None:
        self.client.close()


@dataclass(frozen=True)
class Scenario:
    """`before` comes before the client; `after` while it is connected."""

    defeats: tuple[type, ...]
    before: Callable[[Emulator], None]
    after: Callable[[Emulator], None] = lambda emulator: None


def on_page(emulator: Emulator, number: int, act: Callable[[], None]) -> None:
    """Once, just before this page is made; what it does is pushed before the page is answered."""

    def hook(page: int) -> None:
        if page == number:
            emulator.before_page = None
            act()

    emulator.before_page = hook


def come(emulator: Emulator) -> None:
    for uid in UIDS:
        emulator.set_online(uid)


def leave_overtakes_the_list(emulator: Emulator) -> None:
    """It comes when a page with u1 on it was answered, and the list is not complete yet."""
    come(emulator)
    on_page(emulator, 4, lambda: emulator.set_offline("u1"))


def list_drifts(emulator: Emulator) -> None:
    """u3, the first of page 2, moves to page 1 after that was made."""
    come(emulator)
    on_page(emulator, 2, lambda: emulator.set_offline("u1"))


def gap(emulator: Emulator) -> None:
    """The socket is gone while one leaves and one comes."""
    with emulator.refuse_connections():
        emulator.kill_tcp()
        emulator.set_offline("u1")
        emulator.set_online("u7")


def some_come(emulator: Emulator) -> None:
    for uid in UIDS[:4]:
        emulator.set_online(uid)


def some_events_are_lost(emulator: Emulator) -> None:
    with emulator.lose_events():
        emulator.set_offline("u2")
        emulator.set_online("u6")


def some_come_in_the_wrong_order(emulator: Emulator) -> None:
    with emulator.reorder_events(2):
        emulator.set_offline("u2")
        emulator.set_online("u2")


SCENARIOS = {
    "they were here before us": Scenario((NaiveClient,), come),
    "a leave overtakes the list": Scenario((NaiveClient, OnePassClient), leave_overtakes_the_list),
    "the list drifts": Scenario((NaiveClient, OnePassClient), list_drifts),
    "they move during a gap": Scenario((NaiveClient,), some_come, gap),
    "events are lost": Scenario((NaiveClient, OnePassClient), some_come, some_events_are_lost),
    "events swap places": Scenario(
        (NaiveClient, OnePassClient), some_come, some_come_in_the_wrong_order
    ),
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(users=[{"uid": uid} for uid in [BOT, *UIDS]]) as emulator:
        yield emulator


def play(scenario: Scenario, emulator: Emulator, make: Callable[[Emulator], Subject]) -> bool:
    """Whether the client ends up with the server's picture."""
    scenario.before(emulator)
    client = make(emulator)
    try:
        scenario.after(emulator)
        return client.settle(lambda: client.online - {BOT} == emulator.online - {BOT})
    finally:
        client.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_cometpresence_ends_up_with_the_servers_picture(name: str, emulator: Emulator) -> None:
    assert play(SCENARIOS[name], emulator, OurClient)


@pytest.mark.parametrize(
    ("name", "control"),
    [(name, control) for name, scenario in SCENARIOS.items() for control in scenario.defeats],
)
def test_controls_do_not(
    name: str, control: Callable[[Emulator], Subject], emulator: Emulator
) -> None:
    assert not play(SCENARIOS[name], emulator, control)


@pytest.mark.parametrize("control", [NaiveClient, OnePassClient])
def test_controls_are_no_strawmen(
    control: Callable[[Emulator], Subject], emulator: Emulator
) -> None:
    """They do follow what is pushed to them."""
    assert play(Scenario((), lambda emulator: None, come), emulator, control)
