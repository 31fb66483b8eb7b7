"""wait_for_online(), wait_for_offline() and wait_for(): no wake-up is lost, whoever waits where."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    AuthError,
    ClientClosed,
    CometChatException,
    ConfigError,
    Origin,
    PresenceClient,
    PresenceEvent,
    PresenceScope,
    Reconnect,
    RequestTimeout,
    Resync,
    User,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


class Waiting(threading.Thread):
    """A call on a thread of its own; result() is what it returned or raised."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._result: Any = None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:
            self._result = error

    def result(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), "it still waits"
        return self._result


@pytest.fixture
def client(plain_emulator: Emulator, make_client: MakeClient) -> Iterator[PresenceClient]:
    with make_client(plain_emulator, reconnect=QUICK) as client:
        yield client


def is_watched(client: PresenceClient) -> None:
    """What was asked before is with the network thread: it takes calls in their order."""
    client.connect()


# ---- what is so already


def test_who_is_there_need_not_be_waited_for(client: PresenceClient) -> None:
    erin = client.wait_for_online("ERIN", timeout=0)
    assert (erin.uid, erin.name, erin.status) == ("erin", "Erin E", "online")
    assert client.wait_for_offline("bob", timeout=0).status == "offline"


def test_of_somebody_never_heard_of_there_is_the_uid(client: PresenceClient) -> None:
    nobody = client.wait_for_offline("Nobody", timeout=0)
    assert (nobody.uid, nobody.name, nobody.status) == ("nobody", "", "offline")
    assert nobody.last_active_at is None
    assert "nobody" not in client.presence


def test_in_a_smaller_scope_nobody_is_offline_by_absence(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    scope = PresenceScope.roles("teacher")
    with make_client(plain_emulator, presence=scope) as client:
        assert client.wait_for_online("erin", timeout=PATIENCE).uid == "erin"
        with pytest.raises(RequestTimeout):
            client.wait_for_offline("bob", timeout=0.05)


# ---- what comes


def test_a_wait_ends_when_they_come_and_when_they_go(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    comes = Waiting(lambda: client.wait_for_online("bob"))
    plain_emulator.set_online("bob")
    bob = comes.result()
    assert (bob.uid, bob.is_online, bob.name) == ("bob", True, "Bob B")
    goes = Waiting(lambda: client.wait_for_offline("Bob"))
    plain_emulator.set_offline("bob")
    assert not goes.result().is_online


@pytest.mark.parametrize("timeout", [True, float("nan"), "1"])
def test_every_wait_wants_its_timeout_in_seconds(client: PresenceClient, timeout: Any) -> None:
    for wait in (
        lambda: client.wait_for_online("erin", timeout=timeout),
        lambda: client.wait_for_offline("bob", timeout=timeout),
        lambda: client.wait_for(lambda event: True, timeout=timeout),
        lambda: client.wait_synced(timeout=timeout),
    ):
        with pytest.raises(ConfigError, match="seconds"):
            wait()


def test_fresh_waits_for_the_next_time(plain_emulator: Emulator, client: PresenceClient) -> None:
    with pytest.raises(RequestTimeout):
        client.wait_for_online("erin", timeout=0.05, fresh=True)
    comes = Waiting(lambda: client.wait_for_online("erin", fresh=True))
    goes = Waiting(lambda: client.wait_for_offline("erin", fresh=True))
    while goes.is_alive() or comes.is_alive():
        plain_emulator.set_offline("erin")
        plain_emulator.set_online("erin")
    assert (goes.result().status, comes.result().status) == ("offline", "online")


def test_a_duplicate_is_not_fresh(plain_emulator: Emulator, client: PresenceClient) -> None:
    waits = Waiting(lambda: client.wait_for_online("bob", fresh=True, timeout=0.3))
    with plain_emulator.duplicate_events(2):
        plain_emulator.set_online("bob")
        assert waits.result().uid == "bob"
        with pytest.raises(RequestTimeout):
            client.wait_for_online("bob", fresh=True, timeout=0.1)


def test_a_wait_lasts_while_disconnected_and_ends_with_what_the_comparison_finds(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    client.disconnect()
    bob = Waiting(lambda: client.wait_for_online("bob"))
    erin = Waiting(lambda: client.wait_for_offline("erin", fresh=True))
    stays = Waiting(lambda: client.wait_for_online("dave"))
    plain_emulator.set_online("bob")
    plain_emulator.set_offline("erin")
    assert bob.is_alive()
    assert erin.is_alive()
    client.connect()
    assert bob.result().is_online
    assert not erin.result().is_online
    assert stays.is_alive()
    plain_emulator.kill_tcp()
    plain_emulator.set_online("dave")
    assert stays.result().uid == "dave"


def test_a_wait_may_begin_before_the_connection(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    client.login()
    assert client.wait_for_online("erin", timeout=PATIENCE).uid == "erin"


# ---- how it ends otherwise


def test_a_wait_ends_in_time(client: PresenceClient) -> None:
    began = time.monotonic()
    with pytest.raises(RequestTimeout, match="bob was not seen online in time") as caught:
        client.wait_for_online("bob", timeout=0.1)
    assert 0.1 <= time.monotonic() - began < 2
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(RequestTimeout):
        client.wait_for(lambda event: True, timeout=0.05)


def test_close_wakes_whoever_waits(client: PresenceClient) -> None:
    waits = [
        Waiting(lambda: client.wait_for_online("bob")),
        Waiting(lambda: client.wait_for_offline("erin")),
        Waiting(lambda: client.wait_for(lambda event: True)),
    ]
    is_watched(client)
    client.close()
    for each in waits:
        assert isinstance(each.result(), ClientClosed)
    with pytest.raises(ClientClosed):
        client.wait_for_online("bob")
    with pytest.raises(ClientClosed):
        client.wait_for(lambda event: True)


def test_the_end_of_the_login_wakes_whoever_waits_for_a_user(client: PresenceClient) -> None:
    waits = Waiting(lambda: client.wait_for_online("bob"))
    while waits.is_alive():
        client.login()
        client.logout()
    assert isinstance(waits.result(), AuthError)


def test_a_refusal_wakes_whoever_waits(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator, reconnect=Reconnect(base=0.01, max_attempts=1)) as client:
        waits = [
            Waiting(lambda: client.wait_for_online("bob")),
            Waiting(lambda: client.wait_for(lambda event: True)),
        ]
        is_watched(client)
        with plain_emulator.refuse_connections():
            plain_emulator.kill_tcp()
            for each in waits:
                assert isinstance(each.result(), CometChatException)
            with pytest.raises(CometChatException):
                client.wait_for(lambda event: True, timeout=PATIENCE)


@pytest.mark.parametrize("uid", ["", None, 7])
def test_what_is_no_uid_is_refused(client: PresenceClient, uid: Any) -> None:
    for wait in (client.wait_for_online, client.wait_for_offline):
        with pytest.raises(ConfigError):
            wait(uid)


def test_without_a_subscription_nobody_can_be_waited_for(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(plain_emulator, presence=PresenceScope.none()) as client:
        for wait in (client.wait_for_online, client.wait_for_offline):
            with pytest.raises(ConfigError) as caught:
                wait("bob")
            assert caught.value.code == "ERR_NO_SUBSCRIPTION"
        with pytest.raises(ConfigError):
            client.wait_for(lambda event: True)


def test_without_a_login_nobody_can_be_waited_for(
    client_without_server: Callable[..., PresenceClient],
) -> None:
    with pytest.raises(AuthError):
        client_without_server().wait_for_online("bob")


# ---- predicates


def found(event: PresenceEvent, uid: str) -> bool:
    return event.user.uid == uid and event.online


def test_a_predicate_is_asked_about_what_happens_from_now_on(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    plain_emulator.set_online("bob")
    client.wait_for_online("bob", timeout=PATIENCE)
    asked: list[tuple[str, int]] = []

    def is_carol(event: PresenceEvent) -> bool:
        asked.append((event.user.uid, event.seq))
        return event.user.uid == "carol"

    waits = Waiting(lambda: client.wait_for(is_carol))
    while not asked:
        plain_emulator.set_offline("dave")
        plain_emulator.set_online("dave")
    plain_emulator.set_online("carol")
    event = waits.result()
    assert (event.user.uid, event.online, event.origin) == ("carol", True, Origin.LIVE)
    assert [number for _, number in asked] == list(range(1, len(asked) + 1))
    assert {uid for uid, _ in asked} == {"dave", "carol"}


def test_a_predicate_hears_of_a_resync_but_not_of_the_first_snapshot(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, reconnect=QUICK)
    client.login()
    origins: list[Origin] = []

    def is_bob(event: PresenceEvent) -> bool:
        origins.append(event.origin)
        return found(event, "bob")

    waits = Waiting(lambda: client.wait_for(is_bob))
    client.wait_synced(timeout=PATIENCE)
    client.disconnect()
    plain_emulator.set_online("bob")
    client.connect()
    assert waits.result().origin is Origin.RESYNC
    assert set(origins) == {Origin.RESYNC}


def test_what_a_predicate_raises_ends_the_wait(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    waits = Waiting(lambda: client.wait_for(lambda event: bool(1 // 0)))
    while waits.is_alive():
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
    assert isinstance(waits.result(), ZeroDivisionError)


def test_a_wait_ends_in_time_also_while_much_happens(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    waits = Waiting(lambda: client.wait_for(lambda event: False, timeout=0.2))
    while waits.is_alive():
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
    assert isinstance(waits.result(), RequestTimeout)


@pytest.mark.parametrize("predicate", [None, "bob", 7])
def test_a_predicate_must_be_a_function(client: PresenceClient, predicate: Any) -> None:
    with pytest.raises(ConfigError):
        client.wait_for(predicate)


# ---- inside handlers


@pytest.mark.parametrize("dispatch", ["thread", "none"])
@pytest.mark.parametrize("what", ["wait_for_online", "wait_for_offline", "wait_for"])
def test_a_handler_may_wait_for_what_is_behind_it_in_the_queue(
    plain_emulator: Emulator, make_client: MakeClient, dispatch: Any, what: str
) -> None:
    answers = Inbox()
    client = make_client(plain_emulator, dispatch=dispatch)
    waits: dict[str, Callable[[], User | PresenceEvent]] = {
        "wait_for_online": lambda: client.wait_for_online("carol", timeout=PATIENCE),
        "wait_for_offline": lambda: client.wait_for_offline("erin", timeout=PATIENCE),
        "wait_for": lambda: client.wait_for(lambda e: found(e, "carol"), timeout=PATIENCE),
    }

    @client.on_user_online(uids={"bob"})
    def question(user: User) -> None:
        try:
            answers(waits[what]())
        except BaseException as error:
            answers(error)
            raise

    def move() -> None:
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("erin")
        while not answers.letters:
            plain_emulator.set_offline("carol")
            plain_emulator.set_online("carol")

    with client:
        moves = Waiting(move)
        while dispatch == "none" and not answers.letters:
            assert client.wait(PATIENCE)
            client.drain()
        answer = answers.one()
        moves.result()
    assert isinstance(answer, (User, PresenceEvent)), answer


# ---- many


def test_two_thousand_wait_at_once_and_each_is_woken(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    uids = [f"user{i}" for i in range(200)]
    for uid in uids:
        plain_emulator.add_user(uid)
    size = threading.stack_size(256 * 1024)
    try:
        waits = [
            Waiting(lambda uid=uid: client.wait_for_online(uid, timeout=PATIENCE * 3))  # type: ignore[misc]
            for uid in uids
            for _ in range(10)
        ]
    finally:
        threading.stack_size(size)
    is_watched(client)
    assert all(wait.is_alive() for wait in waits)
    for uid in uids:
        plain_emulator.set_online(uid)
    assert [wait.result().uid for wait in waits] == [uid for uid in uids for _ in range(10)]


def test_those_who_give_up_leave_nothing_behind(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    waits = [Waiting(lambda: client.wait_for_online("bob", timeout=0.05)) for _ in range(100)]
    assert {type(wait.result()) for wait in waits} == {RequestTimeout}
    plain_emulator.set_online("bob")
    assert client.wait_for_online("bob", timeout=PATIENCE).uid == "bob"


@pytest.mark.parametrize(
    "races", [10_000, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_no_wake_up_is_lost_however_the_wait_meets_the_event(
    plain_emulator: Emulator, make_client: MakeClient, races: int
) -> None:
    """Users come, then go, one after the other, while waits for them begin at the same pace."""
    uids = [f"user{i}" for i in range(500)]
    for uid in uids:
        plain_emulator.add_user(uid)
    turn = threading.Barrier(2)

    def move() -> None:
        for phase in range(races // len(uids)):
            turn.wait(PATIENCE)
            for uid in uids:
                (plain_emulator.set_offline if phase % 2 else plain_emulator.set_online)(uid)

    with make_client(plain_emulator, resync=Resync(audit_after=None)) as client:
        moves = Waiting(move)
        for phase in range(races // len(uids)):
            wait = client.wait_for_offline if phase % 2 else client.wait_for_online
            turn.wait(PATIENCE)
            for uid in uids:
                assert wait(uid, timeout=PATIENCE).uid == uid
        assert moves.result() is None
