"""Calls of a client that cannot be answered as things stand say so at once, and what helps."""

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from python.conftest import MakeClient
from python.loops import client_of

from cometpresence import (
    AuthError,
    ClientClosed,
    CometChat,
    ConfigError,
    PresenceClient,
    PresenceScope,
    UserListener,
)
from cometpresence.emulator import Emulator

WAITS: dict[str, Callable[[PresenceClient], object]] = {
    "wait_for": lambda client: client.wait_for(lambda event: True),
    "wait_for_online": lambda client: client.wait_for_online("bob"),
    "wait_synced": lambda client: client.wait_synced(),
    "resync": lambda client: client.resync(),
    "connect": lambda client: client.connect(),
    "get_user": lambda client: client.get_user("bob"),
    "users": lambda client: list(client.users()),
}
REGISTERS: dict[str, Callable[[Any], object]] = {
    "on_user_online": lambda client: client.on_user_online(print),
    "on_connected": lambda client: client.on_connected(print),
    "on_error": lambda client: client.on_error(print),
    "add_listener": lambda client: client.add_listener(UserListener(on_user_online=print)),
}


# ---- nobody is logged in


@pytest.mark.parametrize("logged_out", [False, True])
@pytest.mark.parametrize("what", WAITS)
def test_without_a_login_what_waits_says_what_to_call(
    plain_emulator: Emulator, make_client: MakeClient, what: str, logged_out: bool
) -> None:
    client = make_client(plain_emulator)
    if logged_out:
        client.login()
        client.logout()
    with pytest.raises(AuthError, match=r"login\(\)") as caught:
        WAITS[what](client)
    assert caught.value.code == "USER_NOT_LOGED_IN"


def test_a_stream_without_a_login_warns_and_begins_with_it(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    """Whoever waits is warned, once; that it was made before is no mistake."""
    client = make_client(plain_emulator)
    stream = client.events(snapshot=True)
    with warnings.catch_warnings(record=True) as told, ThreadPoolExecutor() as others:
        warnings.simplefilter("always")
        waiting = others.submit(next, stream)
        while not told:
            assert not waiting.done()
        client.login()
        assert waiting.result().online
    [warning] = told
    assert "nobody is logged in" in str(warning.message)
    assert "login()" in str(warning.message)


async def test_nor_does_a_client_on_asyncio_wait_for_ever(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    with pytest.raises(AuthError, match=r"login\(\)"):
        await client.wait_for(lambda event: True)
    with pytest.warns(UserWarning, match=r"login\(\)") as told:
        assert await anext(client.events(timeout=0.01), None) is None
    assert told[0].filename == __file__
    await client.aclose()


# ---- nobody is subscribed to


@pytest.mark.parametrize(
    "what",
    [
        lambda client: client.events(),
        WAITS["wait_for"],
        WAITS["wait_for_online"],
        WAITS["resync"],
    ],
)
def test_without_a_subscription_what_waits_says_how_to_subscribe(
    plain_emulator: Emulator, make_client: MakeClient, what: Callable[[PresenceClient], object]
) -> None:
    with (
        make_client(plain_emulator, presence=PresenceScope.none()) as client,
        pytest.raises(ConfigError, match=r"subscribe.*all.users") as caught,
    ):
        what(client)
    assert caught.value.code == "ERR_NO_SUBSCRIPTION"


# ---- the client is closed


@pytest.mark.parametrize("what", WAITS | REGISTERS)
def test_a_closed_client_says_so_whatever_is_asked(
    plain_emulator: Emulator, make_client: MakeClient, what: str
) -> None:
    client = make_client(plain_emulator)
    client.close()
    with pytest.raises(ClientClosed, match="make a new one"):
        (WAITS | REGISTERS)[what](client)


@pytest.mark.parametrize("what", REGISTERS)
async def test_a_closed_client_on_asyncio_says_so_too(plain_emulator: Emulator, what: str) -> None:
    client = client_of(plain_emulator)
    await client.aclose()
    with pytest.raises(ClientClosed, match="make a new one"):
        REGISTERS[what](client)
    with pytest.raises(ClientClosed, match="make a new one"):
        client.events()


# ---- a subscription has ended


def test_a_subscription_that_ended_is_not_entered_again(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    for add in (client.add_listener, lambda listener: CometChat.addUserListener("x", listener)):
        with add(UserListener(on_user_online=print)) as subscription:
            assert subscription.active
        subscription.remove()  # idempotent
        with pytest.raises(ConfigError, match=r"has ended.*again"), subscription:
            pytest.fail("nobody would listen")


def test_nor_one_that_was_replaced(plain_emulator: Emulator, make_client: MakeClient) -> None:
    client = make_client(plain_emulator)
    former = client.add_listener(UserListener(on_user_online=print), id="x")
    client.add_listener(UserListener(on_user_offline=print), id="x")
    with pytest.raises(ConfigError, match="replaced"), former:
        pytest.fail("nobody would listen")
