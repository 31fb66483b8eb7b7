"""What a listener may do: raise, sleep, come and go, even end the client.  None of it stops the
connection, another listener, or the bot.  What it may ask is in test_calls_in_handlers.py."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    ClientClosed,
    CometChatException,
    ConnectionListener,
    ConnectionStatus,
    LoginListener,
    PresenceClient,
    Reconnect,
    User,
    UserListener,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


def leave(code: int) -> None:
    sys.exit(code)


def throw(error: BaseException) -> None:
    raise error


class Rude(BaseException):
    """What nobody catches by accident."""


# ---- one that raises

ERRORS: dict[str, Callable[[], object]] = {
    "ZeroDivisionError": lambda: 1 // 0,
    "RecursionError": lambda: throw(RecursionError("deep")),
    "MemoryError": lambda: throw(MemoryError("full")),
    "StopIteration": lambda: next(iter(())),
    "SystemExit": lambda: leave(3),
    "KeyboardInterrupt": lambda: throw(KeyboardInterrupt()),
    "GeneratorExit": lambda: throw(GeneratorExit()),
    "Rude": lambda: throw(Rude("so")),
    "CometChatException": lambda: throw(CometChatException("CODE", "words")),
}


@pytest.mark.parametrize("what", ERRORS)
def test_what_a_listener_raises_goes_to_on_error_and_the_others_are_called(
    plain_emulator: Emulator, make_client: MakeClient, what: str
) -> None:
    before, after, errors = Inbox(), Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(before)
        client.on_user_online(lambda user: ERRORS[what](), id="the broken one")
        client.on_user_online(after)
        client.on_error(errors)
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        told = errors.wait_for(2)
        assert after.wait_for(2) == before.wait_for(2)
        assert client.stats().handler_errors == 2
        assert client.connection_status is ConnectionStatus.CONNECTED
        dispatcher = client._dispatcher
        assert dispatcher is not None
        assert dispatcher.is_alive()
    assert after.uids() == ["bob", "carol"]
    for error, where in told:
        assert type(error).__name__ == what
        assert "the broken one" in where
        assert error.__traceback__ is not None


@pytest.mark.parametrize("what", ERRORS)
def test_without_on_error_it_is_logged_with_its_traceback(
    plain_emulator: Emulator,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    after = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(lambda user: ERRORS[what]())
        client.on_user_online(after)
        plain_emulator.set_online("bob")
        after.one()
    [record] = [record for record in caplog.records if record.name == "cometpresence"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[0] is not None
    assert record.exc_info[0].__name__ == what
    assert record.exc_info[2] is not None
    assert "<lambda>" in caplog.text  # whose line it was


def test_every_kind_of_handler_may_raise(plain_emulator: Emulator, make_client: MakeClient) -> None:
    errors, done = Inbox(), Inbox()
    client = make_client(plain_emulator, reconnect=QUICK)
    client.on_error(errors)

    def broken(name: str) -> Callable[..., None]:
        def handler(*told: Any) -> None:
            raise LookupError(name)

        return handler

    handlers = [
        *("on_connecting", "on_connected", "on_disconnected", "on_synced"),
        *("on_user_online", "on_user_offline", "on_presence", "on_presence_batch"),
    ]
    for name in handlers:
        getattr(client, name)(broken(name))
    client.add_listener(
        ConnectionListener(
            inConnecting=broken("inConnecting"),
            onConnected=broken("onConnected"),
            onDisconnected=broken("onDisconnected"),
        )
    )
    client.add_listener(
        UserListener(onUserOnline=broken("onUserOnline"), onUserOffline=broken("onUserOffline"))
    )
    client.add_listener(
        LoginListener(loginSuccess=broken("loginSuccess"), logoutSuccess=broken("logoutSuccess"))
    )
    client.on_user_offline(done)
    with client:
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
        done.one()
        plain_emulator.kill_tcp()
        errors.wait_until(lambda es: str(es).count("onConnected") >= 2)
        client.logout()
        came = errors.wait_until(lambda es: any("logoutSuccess" in str(e) for e, _ in es))
    assert {str(error) for error, _ in came} == {
        *handlers,
        *("inConnecting", "onConnected", "onDisconnected", "onUserOnline", "onUserOffline"),
        *("loginSuccess", "logoutSuccess"),
    }


def test_on_error_handlers_that_raise_harm_nobody(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    errors, after = Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        client.on_error(lambda error, where: throw(OSError("on_error itself")))
        client.on_error(errors)
        client.on_user_online(lambda user: leave(3))
        client.on_user_online(after)
        plain_emulator.set_online("bob")
        after.one()
        errors.one()
    assert "on_error itself" in caplog.text


# ---- one that sleeps


def pongs(emulator: Emulator) -> list[int]:
    """The sockets on which pings were answered, one entry each."""
    return [
        entry["sockets"][0]
        for entry in emulator.journal
        if entry["kind"] == "ws" and entry["dir"] == "out" and entry["type"] == "pong"
    ]


class Blockade:
    """A handler that does not return before it is lifted."""

    def __init__(self) -> None:
        self.reached, self.lifted = threading.Event(), threading.Event()
        self.came = Inbox()

    def __call__(self, user: User) -> None:
        self.reached.set()
        assert self.lifted.wait(PATIENCE)
        self.came(user)


def test_pings_go_on_while_a_listener_sleeps_and_nothing_is_missed(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    blockade = Blockade()
    with make_client(plain_emulator, ping_interval=0.05, ping_timeout=PATIENCE) as client:
        client.on_user_online(blockade)
        plain_emulator.set_online("bob")
        assert blockade.reached.wait(PATIENCE)
        so_far = len(pongs(plain_emulator))
        plain_emulator.wait_for(lambda entry: len(pongs(plain_emulator)) >= so_far + 3)
        plain_emulator.set_online("carol")
        plain_emulator.set_online("dave")
        assert client.get_user("dave").is_online  # the frames before it have arrived
        assert client.presence.is_online("carol")
        assert client.presence.is_online("dave")
        assert blockade.came.letters == []
        blockade.lifted.set()
        blockade.came.wait_for(3)
        assert client.presence.generation == 1
    assert blockade.came.uids() == ["bob", "carol", "dave"]
    assert len(set(pongs(plain_emulator))) == 1


def test_reconnects_go_on_while_a_listener_sleeps(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    blockade = Blockade()
    with make_client(plain_emulator, reconnect=QUICK) as client:
        client.on_user_online(blockade)
        plain_emulator.set_online("bob")
        assert blockade.reached.wait(PATIENCE)
        for _ in range(3):
            plain_emulator.kill_tcp()
            plain_emulator.wait_for_client(timeout=PATIENCE)
        plain_emulator.set_online("carol")
        report = client.resync(timeout=PATIENCE)
        assert report.generation == 4
        assert client.presence.online == plain_emulator.online
        blockade.lifted.set()
        blockade.came.wait_until(lambda users: "carol" in {user.uid for user in users})


def test_behind_a_listener_that_sleeps_changes_fold_into_one_per_user(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    blockade, told = Blockade(), Inbox()
    with make_client(plain_emulator, queue_size=2) as client:
        client.on_user_online(blockade, uids={"bob"})
        client.on_presence(told, uids={"carol", "dave"})
        plain_emulator.set_online("bob")
        assert blockade.reached.wait(PATIENCE)
        for _ in range(20):
            for uid in ("carol", "dave"):
                plain_emulator.set_online(uid)
                plain_emulator.set_offline(uid)
        plain_emulator.set_online("dave")
        assert client.get_user("dave").is_online
        blockade.lifted.set()
        told.wait_until(lambda es: bool(es) and (es[-1].user.uid, es[-1].online) == ("dave", True))
        assert client.stats().coalesced > 0
        assert client.presence.online == plain_emulator.online
    for uid in ("carol", "dave"):
        moves = [event.online for event in told.letters if event.user.uid == uid]
        assert all(one is not two for one, two in pairwise(moves))
        assert len(moves) <= 4


# ---- one that changes who listens


@pytest.mark.parametrize("dispatch", ["thread", "none"])
def test_listeners_may_remove_add_and_replace_during_a_round(
    plain_emulator: Emulator, make_client: MakeClient, dispatch: Any
) -> None:
    order: list[str] = []
    done = Inbox()
    with make_client(plain_emulator, dispatch=dispatch) as client:

        def listen(name: str, then: Callable[[], object] = lambda: None) -> Callable[..., None]:
            def handler(user: User) -> None:
                order.append(f"{user.uid}: {name}")
                then()

            return handler

        def add(name: str, then: Callable[[], object] = lambda: None) -> None:
            client.on_user_online(listen(name, then), id=name)

        def renew() -> None:
            client.on_user_online(listen("replaced"), id="replacing")

        add("leaving", lambda: client.remove_listener("leaving"))
        add("removing", lambda: client.remove_listener("victim"))
        add("victim")
        add("replacing", renew)
        add("adding", lambda: add("added") if order[-1] == "bob: adding" else None)
        add("last")
        client.on_user_online(done)
        for count, uid in enumerate(("bob", "carol"), start=1):
            plain_emulator.set_online(uid)
            while dispatch == "none" and len(done.letters) < count:
                assert client.wait(PATIENCE)
                client.drain()
            done.wait_for(count)
    assert order == [
        *("bob: leaving", "bob: removing", "bob: replacing", "bob: adding", "bob: last"),
        *("carol: removing", "carol: adding", "carol: last"),
        *("carol: replaced", "carol: added"),
    ]


def test_after_remove_returned_no_call_begins_whoever_removes(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    blockade, kept = Blockade(), Inbox()
    with make_client(plain_emulator) as client:
        subscription = client.add_listener(UserListener(onUserOnline=blockade))
        client.on_user_online(kept)
        plain_emulator.set_online("bob")
        assert blockade.reached.wait(PATIENCE)
        plain_emulator.set_online("carol")
        subscription.remove()  # while it is being called, from another thread
        subscription.remove()
        assert not subscription.active
        blockade.lifted.set()
        kept.wait_for(2)
    assert blockade.came.uids() == ["bob"]


# ---- one that ends the client


def nothing(emulator: Emulator) -> None:
    """It comes by itself."""


Attach = Callable[[PresenceClient, Callable[..., None]], object]

CLOSERS: dict[str, tuple[Attach, Callable[[Emulator], object]]] = {
    "loginSuccess": (lambda c, f: c.add_listener(LoginListener(loginSuccess=f)), nothing),
    "on_connecting": (lambda c, f: c.on_connecting(f), nothing),
    "on_connected": (lambda c, f: c.on_connected(f), nothing),
    "on_synced": (lambda c, f: c.on_synced(f), nothing),
    "on_presence": (lambda c, f: c.on_presence(f), lambda e: e.set_online("bob")),
    "on_presence_batch": (lambda c, f: c.on_presence_batch(f), lambda e: e.set_online("bob")),
    "on_disconnected": (lambda c, f: c.on_disconnected(f), lambda e: e.kill_tcp()),
    "on_error": (lambda c, f: c.on_error(f), lambda e: e.send_raw("rubbish")),
}


@pytest.mark.parametrize("where", CLOSERS)
def test_close_in_any_handler_returns_soon_and_ends_everything(
    plain_emulator: Emulator, make_client: MakeClient, where: str
) -> None:
    attach, cause = CLOSERS[where]
    took = Inbox()
    client = make_client(plain_emulator, reconnect=QUICK)

    def close(*told: Any) -> None:
        began = time.monotonic()
        client.close()
        took(time.monotonic() - began)

    attach(client, close)
    client.login()
    if cause is not nothing:
        client.wait_synced(timeout=PATIENCE)
        cause(plain_emulator)
    assert took.one() < 2.5
    dispatcher = client._dispatcher
    assert dispatcher is not None
    dispatcher.join(PATIENCE)
    assert not dispatcher.is_alive()
    with pytest.raises(ClientClosed):
        client.login()
    plain_emulator.wait_for(lambda entry: "alice" not in plain_emulator.online)


def test_close_after_a_ctrl_c_while_the_dispatch_thread_begins(
    plain_emulator: Emulator, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(plain_emulator)
    client.on_user_online(print)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        client.login()
    client.close()


def test_two_handlers_may_close_each_others_clients(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    closed, both = Inbox(), threading.Barrier(2, timeout=PATIENCE)
    one, two = make_client(plain_emulator, "alice"), make_client(plain_emulator, "dave")
    with one, two:
        for client, victim in ((one, two), (two, one)):
            client.on_user_online(
                lambda user, victim=victim: closed((both.wait(), victim.close())), uids={"bob"}
            )
        began = time.monotonic()
        plain_emulator.set_online("bob")
        closed.wait_for(2)  # each waits for the other's dispatch thread, but not for ever
        assert time.monotonic() - began < 5
    for client in (one, two):
        with pytest.raises(ClientClosed):
            client.login()
