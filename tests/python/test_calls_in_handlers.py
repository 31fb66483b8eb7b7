"""Every call that blocks returns when a handler makes it: whoever waits is woken by the network
thread, never by the drain the handler stands in."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from python.conftest import CAST, MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    CometChatException,
    ConnectionStatus,
    PresenceClient,
    Reconnect,
    Stats,
    SyncReport,
    User,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)

BlockingCall = Callable[[PresenceClient, PresenceClient], object]

CALLS: dict[str, tuple[BlockingCall, Callable[[Any], bool]]] = {
    "get_user": (lambda c, o: c.get_user("carol").uid, lambda got: got == "carol"),
    "users": (lambda c, o: len(list(c.users(limit=2))), lambda got: got == len(CAST)),
    "fetch_next": (
        lambda c, o: len(c.users_request().set_limit(2).build().fetch_next()),
        lambda got: got == 2,
    ),
    "online_user_count": (lambda c, o: c.online_user_count(), lambda got: got >= 2),
    "login again": (lambda c, o: c.login().uid, lambda got: got == "alice"),
    "login of another": (lambda c, o: c.login("carol").uid, lambda got: got == "carol"),
    "login of a second client": (lambda c, o: o.login().uid, lambda got: got == "dave"),
    "a second client": (lambda c, o: o.__enter__() is o, lambda got: got is True),
    "wait_synced": (lambda c, o: c.wait_synced(timeout=PATIENCE), lambda got: is_report(got)),
    "resync": (lambda c, o: c.resync(timeout=PATIENCE), lambda got: is_report(got)),
    "disconnect and connect": (
        lambda c, o: (c.disconnect(), c.connect(), c.wait_synced(timeout=PATIENCE))[-1],
        lambda got: is_report(got),
    ),
    "logout": (lambda c, o: c.logout(), lambda got: got is None),
    "logout and login": (lambda c, o: (c.logout(), c.login().uid)[-1], lambda got: got == "alice"),
    "close": (lambda c, o: c.close(), lambda got: got is None),
    "stats": (lambda c, o: c.stats(), lambda got: isinstance(got, Stats)),
    "drain": (lambda c, o: c.drain(), lambda got: got == 0),
    "wait": (lambda c, o: c.wait(0.05), lambda got: isinstance(got, bool)),
    "presence": (lambda c, o: sorted(c.presence), lambda got: "bob" in got),
}


def is_report(got: Any) -> bool:
    return isinstance(got, SyncReport)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dispatch", ["thread", "none"])
def test_a_call_that_blocks_returns_in_a_handler(
    plain_emulator: Emulator, make_client: MakeClient, dispatch: Any, call: str
) -> None:
    ask, is_right = CALLS[call]
    answers = Inbox()
    other = make_client(plain_emulator, "dave")
    client = make_client(plain_emulator, dispatch=dispatch)

    @client.on_user_online(uids={"bob"})
    def question(user: User) -> None:
        try:
            answers(ask(client, other))
        except BaseException as error:
            answers(error)
            raise

    with client:
        plain_emulator.set_online("bob")
        while dispatch == "none" and not answers.letters:
            assert client.wait(PATIENCE)
            client.drain()
        answer = answers.one()
    assert is_right(answer), answer


@pytest.mark.parametrize("where", ["on_connected", "on_synced", "on_disconnected", "on_error"])
def test_other_handlers_may_ask_too(
    plain_emulator: Emulator, make_client: MakeClient, where: str
) -> None:
    answers = Inbox()
    client = make_client(plain_emulator, reconnect=QUICK)
    getattr(client, where)(lambda *told: answers(client.get_user("carol").uid))
    with client:
        if where == "on_error":
            plain_emulator.send_raw("rubbish")
        plain_emulator.kill_tcp()
        assert answers.one() == "carol"


def test_the_token_provider_may_ask_another_client(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    """It runs where handlers run, while our own calls wait for what it brings."""
    backend = make_client(plain_emulator, "dave")
    names = Inbox()

    def provide() -> str:
        names(backend.get_user("alice").name)
        return plain_emulator.auth_token("alice")

    with make_client(plain_emulator, token_provider=provide) as client:
        plain_emulator.expire_tokens()
        backend.login()
        assert client.get_user("bob").uid == "bob"
    assert names.letters == ["Alice A"]


@pytest.mark.parametrize("dispatch", ["thread", "none"])
def test_a_token_lost_while_a_handler_asks_is_renewed_and_the_handler_answered(
    plain_emulator: Emulator, make_client: MakeClient, dispatch: Any
) -> None:
    """Nothing that waits may wait for the drain that the handler holds up."""
    answers = Inbox()

    def provide() -> str:
        return plain_emulator.auth_token("alice")

    client = make_client(plain_emulator, token_provider=provide, dispatch=dispatch)

    @client.on_user_online(uids={"bob"})
    def question(user: User) -> None:
        plain_emulator.expire_tokens()
        answers(client.get_user("carol").uid)

    with client:
        plain_emulator.set_online("bob")
        while dispatch == "none" and not answers.letters:
            assert client.wait(PATIENCE)
            client.drain()
        assert answers.one() == "carol"


def test_many_calls_that_lose_the_token_at_once_are_all_answered(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    provided, answers = Inbox(), Inbox()

    def provide() -> str:
        provided(1)
        return plain_emulator.auth_token("alice")

    def ask() -> None:
        try:
            answers(client.get_user("carol").uid)
        except CometChatException as error:
            answers(error)

    with make_client(plain_emulator, token_provider=provide) as client:
        for round in range(1, 6):
            plain_emulator.expire_tokens()
            threads = [threading.Thread(target=ask) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert answers.letters == ["carol"] * 20 * round
        assert client.connection_status is ConnectionStatus.CONNECTED
