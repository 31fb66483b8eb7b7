"""Handlers of an AsyncPresenceClient: plain and coroutine functions, on the loop's thread."""

import asyncio
import functools
import gc
import logging
import threading
import weakref
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE
from python.loops import Inbox, client_of, soon, until

from cometpresence import (
    AsyncPresenceClient,
    ConfigError,
    ConnectionListener,
    Disconnect,
    Origin,
    PresenceEvent,
    Reconnect,
    User,
    UserListener,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


def flap(emulator: Emulator, uid: str, times: int) -> None:
    for _ in range(times):
        emulator.set_online(uid)
        emulator.set_offline(uid)


@pytest.mark.usefixtures("loop_factory")
async def test_plain_and_coroutine_functions_are_called_on_the_loops_thread(
    plain_emulator: Emulator,
) -> None:
    called = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        def plain(user: User) -> None:
            called("plain", user.uid, threading.current_thread())

        @client.on_user_online
        async def coroutine(user: User) -> None:
            await asyncio.sleep(0)
            called("coroutine", user.uid, threading.current_thread())

        plain_emulator.set_online("bob")
        here = threading.current_thread()
        assert await called.wait_for(2) == [("plain", "bob", here), ("coroutine", "bob", here)]


async def test_each_kind_of_handler_may_be_a_coroutine_function(plain_emulator: Emulator) -> None:
    called = Inbox()

    def remember(what: str) -> Any:
        async def handler(*told: Any) -> None:
            await asyncio.sleep(0)
            called(what, type(told[0]))

        return handler

    client = client_of(plain_emulator, reconnect=QUICK)
    for name in ("connecting", "connected", "synced", "disconnected", "presence", "user_offline"):
        getattr(client, f"on_{name}")(remember(name))
    client.on_presence_batch(remember("batch"))
    async with client:
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
        plain_emulator.close_all(1012)
        awaited = {"disconnected", "batch", "user_offline"}
        await called.wait_until(lambda letters: {what for what, _ in letters} >= awaited)
    assert ("disconnected", Disconnect) in called.letters
    assert ("presence", PresenceEvent) in called.letters
    assert ("user_offline", User) in called.letters
    assert ("batch", list) in called.letters


async def test_filters_and_conditions_work_as_for_plain_functions(plain_emulator: Emulator) -> None:
    called, lasting = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online(uids={"bob"}, origins={Origin.LIVE}, id="greeter")
        async def greet(user: User) -> None:
            called(user.uid)

        @client.on_user_offline(after=0.05)
        async def miss(user: User) -> None:
            lasting(user.uid)

        plain_emulator.set_online("carol")
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("carol")
        assert await called.wait_for(1) == ["bob"]
        assert await lasting.wait_for(1) == ["carol"]
        assert client.remove_listener("greeter")


# ---- order


async def test_a_handler_is_told_one_thing_at_a_time_and_in_order(plain_emulator: Emulator) -> None:
    told: list[str] = []
    at_work = 0
    done = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_presence
        async def slower_and_faster(event: PresenceEvent) -> None:
            nonlocal at_work
            at_work += 1
            assert at_work == 1
            await asyncio.sleep(0.002 if event.online else 0)  # is the work it does
            told.append("+" if event.online else "-")
            at_work -= 1
            done(event)

        flap(plain_emulator, "bob", 20)
        await done.wait_for(40)
    assert "".join(told) == "+-" * 20


async def test_the_callbacks_of_one_listener_keep_their_order_too(plain_emulator: Emulator) -> None:
    told = Inbox()

    class Diary(UserListener):
        async def onUserOnline(self, user: User) -> None:
            await asyncio.sleep(0.002)  # is the work it does
            told("+" + user.uid)

        async def onUserOffline(self, user: User) -> None:
            told("-" + user.uid)

    async with client_of(plain_emulator) as client:
        with client.add_listener(Diary()):
            flap(plain_emulator, "bob", 5)
            assert await told.wait_for(10) == ["+bob", "-bob"] * 5


async def test_listeners_may_be_made_of_coroutine_functions(plain_emulator: Emulator) -> None:
    called = Inbox()

    async def remember(what: str, *told: object) -> None:
        called(what)

    async with client_of(plain_emulator, reconnect=QUICK) as client:
        client.add_listener(UserListener({"onUserOnline": functools.partial(remember, "online")}))
        client.add_listener(ConnectionListener(on_disconnected=functools.partial(remember, "gone")))
        plain_emulator.set_online("bob")
        assert await called.wait_for(1) == ["online"]
        plain_emulator.close_all(1012)
        assert await called.wait_for(2) == ["online", "gone"]


async def test_a_handler_that_waits_delays_no_other(plain_emulator: Emulator) -> None:
    go_on, called = asyncio.Event(), Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def wait(user: User) -> None:
            await go_on.wait()
            called("waited")

        client.on_user_online(lambda user: called("plain"))
        flap(plain_emulator, "bob", 3)
        assert await called.wait_for(3) == ["plain"] * 3
        go_on.set()
        assert (await called.wait_for(6))[3:] == ["waited"] * 3


async def test_a_handler_may_ask_the_client_whatever_it_likes(plain_emulator: Emulator) -> None:
    answers = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online(uids={"bob"})
        async def question(user: User) -> None:
            answers((await client.get_user("carol")).uid)
            answers((await client.wait_for_online("dave", timeout=PATIENCE)).uid)
            async with client.events(timeout=PATIENCE) as stream:
                answers((await anext(stream)).user.uid)

        plain_emulator.set_online("bob")
        await answers.wait_for(1)
        plain_emulator.set_online("dave")
        await answers.wait_for(2)
        plain_emulator.set_offline("erin")
        assert await answers.wait_for(3) == ["carol", "dave", "erin"]


# ---- a slow one


async def test_far_behind_a_slow_handler_changes_fold_and_the_end_is_exact(
    plain_emulator: Emulator,
) -> None:
    go_on = asyncio.Event()
    told: list[bool] = []
    async with client_of(plain_emulator, queue_size=64) as client:

        @client.on_presence(uids={"bob"})
        async def slow(event: PresenceEvent) -> None:
            await go_on.wait()
            told.append(event.online)

        await asyncio.to_thread(flap, plain_emulator, "bob", 1_500)
        plain_emulator.set_online("bob")
        await until(lambda: client._bell.is_held)
        [turns] = client._bell._holding
        most = len(turns._waiting)  # type: ignore[attr-defined]
        go_on.set()
        await until(lambda: told and told[-1] and not client._crew._tasks)
        assert client.stats().coalesced > 1_000
    assert most <= 1024 + 256
    assert told == [i % 2 == 0 for i in range(len(told))]


async def test_a_held_client_still_answers_and_streams(plain_emulator: Emulator) -> None:
    go_on = asyncio.Event()
    async with client_of(plain_emulator) as client:

        @client.on_presence
        async def stuck(event: PresenceEvent) -> None:
            await go_on.wait()

        stream = client.events(uids={"carol"})
        flap(plain_emulator, "bob", 700)
        await until(lambda: client._bell.is_held)
        plain_emulator.set_online("carol")
        assert (await soon(anext(stream))).user.uid == "carol"
        assert (await soon(client.get_user("dave"))).uid == "dave"
    assert not go_on.is_set()  # nothing but closing ended it


async def test_one_that_is_stuck_and_removed_holds_nobody_up(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:

        @client.on_presence(id="stuck")
        async def stuck(event: PresenceEvent) -> None:
            await asyncio.get_running_loop().create_future()

        flap(plain_emulator, "bob", 700)
        await until(lambda: client._bell.is_held)
        client.remove_listener("stuck")
        told = Inbox()
        client.on_user_online(told)
        plain_emulator.set_online("carol")
        assert (await told.wait_for(1))[0].uid == "carol"


# ---- what goes wrong


@pytest.mark.usefixtures("loop_factory")
async def test_what_a_handler_raises_is_reported_and_the_next_call_comes(
    plain_emulator: Emulator,
) -> None:
    errors = Inbox()
    client = client_of(plain_emulator)

    @client.on_error
    async def remember(error: BaseException, where: str) -> None:
        await asyncio.sleep(0)
        errors(str(error), where)

    @client.on_user_online(id="greeter")
    async def greet(user: User) -> None:
        await asyncio.sleep(0)
        raise ValueError(user.uid)

    async with client:
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        where = "on_user_online handler 'greeter'"
        assert await errors.wait_for(2) == [("bob", where), ("carol", where)]
        assert client.stats().handler_errors == 2


async def test_a_plain_handler_that_raises_is_reported_as_ever(plain_emulator: Emulator) -> None:
    errors = Inbox()
    async with client_of(plain_emulator) as client:
        client.on_error(errors)
        client.on_user_online(lambda user: 1 // 0, id="divider")
        plain_emulator.set_online("bob")
        [(error, where)] = await errors.wait_for(1)
        assert (type(error), where) == (ZeroDivisionError, "on_user_online handler 'divider'")


async def test_without_on_error_it_goes_to_the_log(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def greet(user: User) -> None:
            raise ValueError("no words")

        with caplog.at_level(logging.ERROR, "cometpresence"):
            plain_emulator.set_online("bob")
            await until(lambda: "no words" in caplog.text)
        assert "on_user_online handler" in caplog.text


async def test_an_on_error_handler_that_fails_goes_to_the_log(
    plain_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(plain_emulator) as client:

        @client.on_error
        async def fail(error: BaseException, where: str) -> None:
            raise OSError("worse")

        client.on_user_online(lambda user: 1 // 0)
        plain_emulator.set_online("bob")
        await until(lambda: "an on_error handler failed" in caplog.text and "worse" in caplog.text)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
        ZeroDivisionError,  # what the handler was told of, and nobody else
        OSError,
    ]


async def test_a_handler_whose_own_work_is_cancelled_goes_on(plain_emulator: Emulator) -> None:
    errors, called = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:
        client.on_error(errors)

        @client.on_user_online
        async def wait_for_what_is_cancelled(user: User) -> None:
            called(user.uid)
            never = asyncio.get_running_loop().create_future()
            never.cancel()
            await never

        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        assert await called.wait_for(2) == ["bob", "carol"]
        assert isinstance((await errors.wait_for(2))[0][0], asyncio.CancelledError)


# ---- the end


async def test_a_handler_that_is_removed_begins_no_more(plain_emulator: Emulator) -> None:
    go_on, called = asyncio.Event(), Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online(id="greeter")
        async def greet(user: User) -> None:
            called(user.uid)
            await go_on.wait()

        told = Inbox()
        client.on_user_online(told)
        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        await told.wait_for(3)
        assert client.remove_listener("greeter")
        go_on.set()
        await asyncio.wait(client._crew._tasks)
        assert called.letters == ["bob"]


async def test_closing_cancels_what_handlers_still_do(plain_emulator: Emulator) -> None:
    ended, told = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def linger(user: User) -> None:
            told(user.uid)
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                ended(user.uid)
                raise

        flap(plain_emulator, "bob", 3)  # two of them never begin, and are not missed
        await told.wait_for(1)
    assert ended.letters == ["bob"]


async def test_a_handler_may_close_the_client(plain_emulator: Emulator) -> None:
    closed = Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def leave(user: User) -> None:
            await client.aclose()
            closed(user.uid)

        plain_emulator.set_online("bob")
        assert await closed.wait_for(1) == ["bob"]


async def test_a_handler_must_not_run_for_ever(plain_emulator: Emulator) -> None:
    errors = Inbox()
    async with client_of(plain_emulator) as client:
        client.on_error(errors)

        @client.on_user_online
        async def run(user: User) -> None:
            await client.run_forever()

        plain_emulator.set_online("bob")
        assert isinstance((await errors.wait_for(1))[0][0], ConfigError)


async def test_tasks_of_handlers_are_held_while_they_run(plain_emulator: Emulator) -> None:
    begun, ended = Inbox(), Inbox()
    async with client_of(plain_emulator) as client:

        @client.on_user_online
        async def greet(user: User) -> None:
            answer = asyncio.get_running_loop().create_future()
            begun(weakref.ref(answer))  # only its task has it
            ended(await answer)

        plain_emulator.set_online("bob")
        [answer] = await begun.wait_for(1)
        gc.collect()
        assert answer() is not None
        answer().set_result("bob")
        assert await ended.wait_for(1) == ["bob"]


# ---- elsewhere


def test_a_blocking_client_says_who_runs_coroutine_functions(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)

    async def greet(user: User) -> None:
        """Would never run."""

    for register in (
        lambda: client.on_user_online(greet),
        lambda: client.on_error(greet),
        lambda: client.add_listener(UserListener(on_user_online=greet)),
    ):
        with pytest.raises(ConfigError, match="AsyncPresenceClient"):
            register()


@pytest.mark.parametrize("handler", [None, 7, "greet"])
async def test_what_cannot_be_called_is_refused(handler: Any) -> None:
    client = AsyncPresenceClient("app", region="us")
    for register in (client.on_user_online, client.on_error):
        if handler is not None:  # that is how a decorator begins
            with pytest.raises(ConfigError):
                register(handler)
    await client.aclose()
