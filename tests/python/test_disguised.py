"""Coroutine functions in disguise: awaited on a loop, and refused or reported where nobody awaits,
by name of what does.  What Python warns of as "never awaited" is an error here (-W error)."""

import asyncio
import functools
import gc
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import Inbox
from python.loops import Inbox as AsyncInbox
from python.loops import client_of, soon

from cometpresence import AsyncPresenceClient, ConfigError, RequestTimeout, UserListener
from cometpresence.emulator import Emulator


async def remember(called: Callable[..., object], *told: Any) -> bool:
    await asyncio.sleep(0)
    called(*told)
    return True


class Caller:
    """A callable object whose call is a coroutine."""

    def __init__(self, called: Callable[..., object]) -> None:
        self._called = called

    async def __call__(self, *told: Any) -> bool:
        return await remember(self._called, *told)

    async def method(self, *told: Any) -> bool:
        return await remember(self._called, *told)


VISIBLE: dict[str, Callable[[Callable[..., object]], Any]] = {
    "partial": lambda called: functools.partial(remember, called),
    "partial of a partial": lambda called: functools.partial(functools.partial(remember), called),
    "partial of a method": lambda called: functools.partial(Caller(called).method),
    "callable object": Caller,
    "method": lambda called: Caller(called).method,
}
HIDDEN: dict[str, Callable[[Callable[..., object]], Any]] = {
    "lambda": lambda called: lambda *told: remember(called, *told),
    "partial of a lambda": lambda called: functools.partial(lambda *told: remember(called, *told)),
}


@pytest.fixture(autouse=True)
def never_awaited_is_an_error() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(complaint.message) for complaint in complaints] == []


# ---- on a loop


@pytest.mark.parametrize("disguise", VISIBLE | HIDDEN)
async def test_on_a_loop_each_of_them_is_awaited(plain_emulator: Emulator, disguise: str) -> None:
    make = (VISIBLE | HIDDEN)[disguise]
    called = {name: AsyncInbox() for name in ("handler", "listener", "on_error", "lasting")}
    async with client_of(plain_emulator) as client:
        client.on_user_online(make(called["handler"]), uids={"bob"})
        client.on_user_online(make(called["lasting"]), after=0.001)
        client.add_listener(UserListener(on_user_online=make(called["listener"])))
        client.on_user_online(lambda user: 1 // 0)
        client.on_error(make(called["on_error"]))
        waiting = asyncio.create_task(client.wait_for(make(lambda event: None)))
        await asyncio.sleep(0)
        plain_emulator.set_online("bob")
        for inbox in called.values():
            await inbox.wait_for(1)
        assert (await soon(waiting)).user.uid == "bob"


async def test_the_predicate_of_a_wait_may_be_a_coroutine_function(
    plain_emulator: Emulator,
) -> None:
    async def is_vip(event: Any) -> bool:
        await asyncio.sleep(0)
        return event.user.uid == "carol"

    async with client_of(plain_emulator) as client:
        waiting = asyncio.create_task(client.wait_for(is_vip))
        await asyncio.sleep(0)
        for uid in ("bob", "carol"):
            plain_emulator.set_online(uid)
        assert (await soon(waiting)).user.uid == "carol"


async def test_a_wait_ends_in_time_though_its_predicate_does_not(plain_emulator: Emulator) -> None:
    asked = AsyncInbox()

    async def ponder(event: Any) -> bool:
        asked(event)
        await asyncio.get_running_loop().create_future()
        return True

    async with client_of(plain_emulator) as client:
        waiting = asyncio.create_task(client.wait_for(ponder, timeout=0.2))
        await asyncio.sleep(0)
        plain_emulator.set_online("bob")
        with pytest.raises(RequestTimeout):
            await soon(waiting)
        assert len(asked.letters) <= 1


async def test_a_timeout_of_the_predicates_own_is_not_the_waits(plain_emulator: Emulator) -> None:
    async def fail(event: Any) -> bool:
        raise TimeoutError("mine")

    async with client_of(plain_emulator) as client:
        waiting = asyncio.create_task(client.wait_for(fail, timeout=60))
        await asyncio.sleep(0)
        plain_emulator.set_online("bob")
        with pytest.raises(TimeoutError, match="mine"):
            await soon(waiting)


# ---- where nobody awaits


@pytest.mark.parametrize("disguise", VISIBLE)
def test_a_blocking_client_refuses_those_it_can_see(
    plain_emulator: Emulator, make_client: MakeClient, disguise: str
) -> None:
    client = make_client(plain_emulator)
    function = VISIBLE[disguise](print)
    for register in (
        client.on_user_online,
        client.on_error,
        client.wait_for,
        client.on_user_offline(after=1.0),
        lambda fn: client.add_listener(UserListener(on_user_online=fn)),
        lambda fn: make_client(plain_emulator, token_provider=fn),
    ):
        with pytest.raises(ConfigError, match="AsyncPresenceClient"):
            register(function)


@pytest.mark.parametrize("disguise", HIDDEN)
def test_a_blocking_client_reports_the_others_and_closes_what_they_return(
    plain_emulator: Emulator, make_client: MakeClient, disguise: str
) -> None:
    errors, told = Inbox(), Inbox()
    function = HIDDEN[disguise](print)
    with make_client(plain_emulator) as client:
        client.on_error(errors)
        client.on_user_online(function, id="handler")
        client.on_user_online(function, id="lasting", after=0.001)
        client.add_listener(UserListener(on_user_online=function), id="listener")
        client.on_user_online(told)
        plain_emulator.set_online("bob")
        told.one()
        came = errors.wait_for(3)
        assert client.stats().handler_errors == 3
    for error, _ in came:
        assert isinstance(error, ConfigError)
        assert "AsyncPresenceClient" in str(error)
    assert {where for _, where in came} == {
        "on_user_online handler 'handler'",
        "debounced handler 'lasting'",
        "on_user_online handler 'listener'",
    }


def test_one_that_handles_errors_goes_to_the_log(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    errors = Inbox()
    with make_client(plain_emulator) as client:
        client.on_error(lambda *told: remember(print, *told))
        client.on_error(errors)
        client.on_user_online(lambda user: 1 // 0)
        plain_emulator.set_online("bob")
        errors.one()
    assert "an on_error handler failed" in caplog.text
    assert "AsyncPresenceClient" in caplog.text


@pytest.mark.parametrize("disguise", HIDDEN)
def test_a_predicate_in_disguise_ends_the_wait(
    plain_emulator: Emulator, make_client: MakeClient, disguise: str
) -> None:
    with make_client(plain_emulator) as client, ThreadPoolExecutor() as others:
        waiting = others.submit(client.wait_for, HIDDEN[disguise](print))
        while not waiting.done():  # it may not have begun
            plain_emulator.set_online("bob")
            plain_emulator.set_offline("bob")
        with pytest.raises(ConfigError, match="AsyncPresenceClient"):
            waiting.result()


@pytest.mark.parametrize("disguise", HIDDEN)
def test_a_token_provider_in_disguise_is_refused_when_asked(
    plain_emulator: Emulator, make_client: MakeClient, disguise: str
) -> None:
    client = make_client(plain_emulator, auth_key=None, token_provider=HIDDEN[disguise](print))
    with pytest.raises(ConfigError, match="AsyncPresenceClient"):
        client.login()


# ---- generators


def yields(*told: Any) -> Iterator[int]:
    yield 1


async def yields_later(*told: Any) -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("function", [yields, yields_later, functools.partial(yields)])
def test_what_yields_is_refused_by_every_client(
    plain_emulator: Emulator, make_client: MakeClient, function: Any
) -> None:
    """Calling it would do nothing at all, and nobody would know why."""
    for client in (make_client(plain_emulator), AsyncPresenceClient("app", region="us")):
        for register in (client.on_user_online, client.on_error):
            with pytest.raises(ConfigError, match="yield"):
                register(function)
    with pytest.raises(ConfigError, match="yield"):
        UserListener(on_user_online=function)
