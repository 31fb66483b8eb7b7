"""Handlers of an AsyncPresenceClient that block the loop, raise what nobody expects, or are
cancelled: what that does to others, which is nothing."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from python.inbox import PATIENCE
from python.loops import Inbox, client_of, soon, until

from cometpresence import AsyncPresenceClient, PresenceEvent, Reconnect, User
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)
LONG = 1.01  # seconds, and more than a handler may take


class Rude(BaseException):
    """What nobody catches by accident."""


def throw(error: BaseException) -> None:
    raise error


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if (record.name, record.levelno) == ("cometpresence", logging.WARNING)
    ]


# ---- one that blocks


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.usefixtures("loop_factory")
async def test_a_coroutine_that_blocks_the_loop_is_warned_about_once_by_name(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture, step: int
) -> None:
    """In whichever of its steps."""
    called = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def dawdle(user: User) -> None:
            for turn in range(3):
                if turn == step:
                    threading.Event().wait(LONG)
                await asyncio.sleep(0)
            called(user.uid)

        for uid in ("bob", "carol"):
            plain_emulator.set_online(uid)
        await called.wait_for(2)
        assert client.stats().slow_handlers == 2
    [warning] = warnings_in(caplog)
    assert "on_user_online handler" in warning
    assert "dawdle" in warning
    assert "asyncio.to_thread" in warning


async def test_a_plain_one_is_told_what_helps_on_a_loop(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    called = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        def dawdle(user: User) -> None:
            threading.Event().wait(LONG)
            called(user.uid)

        plain_emulator.set_online("bob")
        await called.wait_for(1)
    [warning] = warnings_in(caplog)
    assert "dawdle" in warning
    assert "asyncio.to_thread" in warning


async def test_waiting_is_not_blocking(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    called = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def wait(user: User) -> None:
            await asyncio.sleep(LONG)
            called(user.uid)

        plain_emulator.set_online("bob")
        await called.wait_for(1)
        assert client.stats().slow_handlers == 0
    assert warnings_in(caplog) == []


async def test_an_on_error_handler_that_blocks_is_warned_about_too(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    called = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_error
        def plain(error: BaseException, where: str) -> None:
            threading.Event().wait(LONG)

        @client.on_error
        async def coroutine(error: BaseException, where: str) -> None:
            threading.Event().wait(LONG)
            called(where)

        client.on_user_online(lambda user: 1 // 0)
        for uid in ("bob", "carol"):
            plain_emulator.set_online(uid)
        await called.wait_for(2)
    first, second = warnings_in(caplog)
    assert "on_error handler" in first
    assert "plain" in first
    assert "coroutine" in second


# ---- one that raises

ERRORS: dict[str, Callable[[], object]] = {
    "ZeroDivisionError": lambda: 1 // 0,
    "SystemExit": lambda: sys.exit(3),
    "GeneratorExit": lambda: throw(GeneratorExit()),
    "CancelledError": lambda: throw(asyncio.CancelledError()),
    "Rude": lambda: throw(Rude()),
    "StopAsyncIteration": lambda: throw(StopAsyncIteration()),
}


@pytest.mark.parametrize("way", ["plain", "coroutine", "later"])
@pytest.mark.parametrize("what", ERRORS)
@pytest.mark.usefixtures("loop_factory")
async def test_whatever_a_handler_raises_is_reported_and_stops_nothing(
    plain_emulator: Emulator, what: str, way: str
) -> None:
    errors, others = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:
        client.on_error(errors)

        def plain(user: User) -> None:
            ERRORS[what]()

        async def coroutine(user: User) -> None:
            ERRORS[what]()

        async def later(user: User) -> None:
            await asyncio.sleep(0)
            ERRORS[what]()

        async def other(user: User) -> None:
            await asyncio.sleep(0)
            others(user.uid)

        broken = {"plain": plain, "coroutine": coroutine, "later": later}[way]
        client.on_user_online(broken, id="broken")
        client.on_user_online(other)
        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        assert await others.wait_for(3) == ["bob", "carol", "dave"]
        told = await errors.wait_for(3)
        assert client.stats().handler_errors == 3
    assert [type(error).__name__ for error, _ in told] == [what] * 3
    assert {where for _, where in told} == {"on_user_online handler 'broken'"}


@pytest.mark.parametrize("way", ["plain", "coroutine"])
@pytest.mark.parametrize("what", ERRORS)
async def test_whatever_an_on_error_handler_raises_the_next_one_is_told(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture, what: str, way: str
) -> None:
    errors = Inbox()
    async with client_of(plain_emulator) as client:

        def plain(error: BaseException, where: str) -> None:
            ERRORS[what]()

        async def coroutine(error: BaseException, where: str) -> None:
            ERRORS[what]()

        client.on_error(plain if way == "plain" else coroutine)
        client.on_error(errors)
        client.on_user_online(lambda user: 1 // 0)
        for uid in ("bob", "carol"):
            plain_emulator.set_online(uid)
        await errors.wait_for(2)
        await until(lambda: caplog.text.count("an on_error handler failed") == 2)


@pytest.mark.parametrize("way", ["plain", "coroutine", "on_error"])
def test_a_keyboard_interrupt_goes_to_whoever_runs_the_loop(
    plain_emulator: Emulator, loop_factory: Callable[[], asyncio.AbstractEventLoop], way: str
) -> None:
    """And the loop, should it be run again, goes on where it was."""
    called = Inbox()
    with asyncio.Runner(loop_factory=loop_factory) as runner:

        async def begin() -> AsyncPresenceClient:
            return await client_of(plain_emulator).__aenter__()

        client = runner.run(begin())

        def plain(user: User) -> None:
            raise KeyboardInterrupt

        async def coroutine(user: User) -> None:
            await asyncio.sleep(0)
            raise KeyboardInterrupt

        def on_error(error: BaseException, where: str) -> None:
            raise KeyboardInterrupt

        if way == "on_error":
            client.on_error(on_error)
            client.on_user_online(lambda user: 1 // 0, uids={"bob"})
        else:
            client.on_user_online(plain if way == "plain" else coroutine, uids={"bob"})
        client.on_user_online(lambda user: called(user.uid))
        plain_emulator.set_online("bob")
        loop = runner.get_loop()
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(asyncio.sleep(PATIENCE))
        plain_emulator.set_online("carol")
        assert loop.run_until_complete(called.wait_for(2)) == ["bob", "carol"]
        loop.run_until_complete(client.aclose())


# ---- one that is cancelled


async def test_a_handler_that_cancels_its_own_task_ends_only_that_call(
    plain_emulator: Emulator,
) -> None:
    errors, called = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:
        client.on_error(errors)

        @client.on_user_online
        async def give_up(user: User) -> None:
            called(user.uid)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            if user.uid == "carol":  # the others end before they notice
                await asyncio.sleep(0)

        uids = ["bob", "carol", "dave"]
        for uid in uids:
            plain_emulator.set_online(uid)
        assert await called.wait_for(3) == uids
        assert errors.letters == []  # it was meant


async def test_one_handler_may_cancel_what_another_still_does(plain_emulator: Emulator) -> None:
    """Respond in a while, unless they return before: a bot's everyday."""
    pending: dict[str, asyncio.Task[Any]] = {}
    begun, ended = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_offline
        async def respond_in_a_while(user: User) -> None:
            task = asyncio.current_task()
            assert task is not None
            pending[user.uid] = task
            begun(user.uid)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended(user.uid)

        @client.on_user_online
        def cancel(user: User) -> None:
            pending.pop(user.uid).cancel()

        plain_emulator.set_offline("erin")
        await begun.wait_for(1)
        plain_emulator.set_online("erin")
        await ended.wait_for(1)
        plain_emulator.set_offline("erin")
        await begun.wait_for(2)
        plain_emulator.set_online("erin")
        assert await ended.wait_for(2) == ["erin", "erin"]


async def test_a_handler_that_ignores_being_cancelled_begins_no_other_call(
    plain_emulator: Emulator,
) -> None:
    begun = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_presence
        async def stubborn(event: PresenceEvent) -> None:
            begun(event.user.uid)
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                await asyncio.sleep(0)  # it has to tidy up, and swallows it

        told = Inbox()
        client.on_presence(told)
        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        await told.wait_for(3)
        await begun.wait_for(1)
    assert begun.letters == ["bob"]


# ---- a token provider


@pytest.mark.parametrize("what", ERRORS)
async def test_whatever_a_token_provider_raises_is_reported_and_it_is_asked_again(
    plain_emulator: Emulator, what: str
) -> None:
    errors = Inbox()
    asked = Inbox()

    async def provide() -> str:
        asked("once")
        if len(asked.letters) == 2:
            ERRORS[what]()
        return plain_emulator.auth_token("alice")

    client = client_of(plain_emulator, auth_key=None, token_provider=provide, reconnect=QUICK)
    client.on_error(errors)
    async with client:
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1012)
        await errors.wait_until(lambda told: any(where == "token_provider" for _, where in told))
        assert (await soon(client.login(auth_token=plain_emulator.auth_token("alice")))).uid
        await client.connect()
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1012)
        await asked.wait_for(3)
    names = [type(error).__name__ for error, where in errors.letters if where == "token_provider"]
    assert names == [what]
