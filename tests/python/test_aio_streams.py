"""AsyncPresenceClient.events(): ``async for``, without a task for what is there already."""

import asyncio
import gc
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

import pytest
from python.inbox import PATIENCE
from python.loops import begun, client_of, soon

from cometpresence import (
    AsyncPresenceClient,
    ClientClosed,
    CometChatException,
    ConfigError,
    EventStream,
    Origin,
    PresenceEvent,
    PresenceScope,
    Reconnect,
    StreamOverflow,
    User,
)
from cometpresence.emulator import Emulator

_T = TypeVar("_T")

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


def move(emulator: Emulator, script: str) -> None:
    """ "+bob -erin": bob comes, erin goes."""
    for word in script.split():
        (emulator.set_online if word[0] == "+" else emulator.set_offline)(word[1:])


async def known(emulator: Emulator, client: AsyncPresenceClient) -> None:
    """Until the client knows what happened so far: carol comes after it."""
    emulator.set_online("carol")
    await client.wait_for_online("carol", timeout=PATIENCE)


def moves(events: list[PresenceEvent]) -> str:
    return " ".join(f"{'+' if event.online else '-'}{event.user.uid}" for event in events)


async def read(stream: EventStream) -> list[PresenceEvent]:
    return await soon(_all_of(stream))


async def _all_of(stream: EventStream) -> list[PresenceEvent]:
    return [event async for event in stream]


def at_once(awaitable: Awaitable[_T]) -> _T:
    """Its result, which it has without giving the loop a turn."""
    steps: Generator[Any, None, _T] = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


# ---- what is read


@pytest.mark.usefixtures("loop_factory")
async def test_a_stream_begins_with_the_call(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        stream = client.events(stop_after=3)
        move(plain_emulator, "+bob -bob")
        await known(plain_emulator, client)
        assert moves(await read(stream)) == "+bob -bob +carol"
        assert stream.closed


@pytest.mark.usefixtures("loop_factory")
async def test_a_stream_waits_for_what_has_not_happened_yet(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        [reads] = await begun(read(client.events(stop_after=2)))
        move(plain_emulator, "+bob -erin")
        assert moves(await reads) == "+bob -erin"


async def test_a_stream_chooses_as_a_blocking_one_does(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        bob = client.events(uids={"BOB"}, stop_after=2)
        students = client.events(roles=["student"], stop_after=3)
        found = client.events(snapshot=True, timeout=0)
        assert picture(await read(found)) == {"alice", "erin"}
        move(plain_emulator, "+bob -erin +dave -bob")
        await known(plain_emulator, client)
        assert moves(await read(bob)) == "+bob -bob"
        assert moves(await read(students)) == "+bob -bob +carol"


async def test_only_wanted_events_wake_and_count(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        [reads] = await begun(read(client.events(uids={"carol"}, stop_after=1)))
        move(plain_emulator, "+bob -bob " * 300)
        plain_emulator.set_online("carol")
        assert moves(await reads) == "+carol"


def picture(events: list[PresenceEvent]) -> set[str]:
    online = set()
    for event in events:
        (online.add if event.online else online.discard)(event.user.uid)
    return online


async def test_the_picture_is_exact_whatever_happens_meanwhile(plain_emulator: Emulator) -> None:
    for i in range(60):
        plain_emulator.add_user(f"user{i}", online=i % 2 == 0)
    async with client_of(plain_emulator) as client:
        stream = client.events(snapshot=True, maxsize=4)
        heard = []
        for i in range(60):
            move(plain_emulator, f"{'-' if i % 2 == 0 else '+'}user{i}")
            heard.append(await soon(anext(stream)))
        await known(plain_emulator, client)
        while picture(heard) != plain_emulator.online:
            heard.append(await soon(anext(stream)))
        assert picture(heard) == set(client.presence.online)


async def test_a_walk_past_many_gives_others_their_turn(plain_emulator: Emulator) -> None:
    for i in range(2_000):
        plain_emulator.add_user(f"user{i}", online=i % 2 == 0)
    async with client_of(plain_emulator) as client:
        stream = client.events(uids={"nobody"}, snapshot=True, timeout=0)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while not stream.closed:
                turns += 1
                await asyncio.sleep(0)

        _, heard = await asyncio.gather(count(), read(stream))
        assert heard == []
        assert turns >= 3


async def test_a_stream_lives_through_a_lost_connection(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator, reconnect=QUICK) as client:
        stream = client.events(stop_after=1)
        await client.disconnect()
        move(plain_emulator, "+bob")
        await client.connect()
        [event] = await read(stream)
        assert (moves([event]), event.origin) == ("+bob", Origin.RESYNC)


async def test_many_streams_each_read_everything(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        reads = await begun(*(read(client.events(stop_after=20)) for _ in range(100)))
        move(plain_emulator, "+bob -bob " * 10)
        for heard in await asyncio.gather(*reads):
            assert moves(heard) == ("+bob -bob " * 10).strip()
            assert [event.seq for event in heard] == list(range(1, 21))


# ---- what it costs


@pytest.mark.usefixtures("loop_factory")
async def test_what_is_there_is_read_without_a_task_or_a_future(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        stream = client.events()
        move(plain_emulator, "+bob -bob")
        await known(plain_emulator, client)
        loop = asyncio.get_running_loop()
        made: list[object] = []

        def refuse(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
            made.append(work)

        loop.set_task_factory(refuse)
        try:
            heard = [at_once(stream.__anext__()) for _ in range(3)]
        finally:
            loop.set_task_factory(None)
        assert moves(heard) == "+bob -bob +carol"
        assert made == []


async def test_the_others_events_do_not_wake_a_task(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        stream = client.events(uids={"nobody"})
        [reads] = await begun(anext(stream))
        waiter = stream._waiter
        assert waiter is not None
        move(plain_emulator, "+bob -bob " * 10)
        await known(plain_emulator, client)
        assert stream._waiter is waiter
        assert not waiter.done()
        reads.cancel()


# ---- cancelling


@pytest.mark.usefixtures("loop_factory")
async def test_who_gives_up_waiting_loses_no_event(plain_emulator: Emulator) -> None:
    """At whatever moment: some waits are cancelled while their event is on its way to them."""
    rounds = 300
    async with client_of(plain_emulator) as client:
        stream = client.events()
        heard: list[PresenceEvent] = []
        for i in range(rounds):
            [reads] = await begun(anext(stream))
            move(plain_emulator, "-bob" if i % 2 else "+bob")
            for _ in range(i % 5):
                await asyncio.sleep(0.0002)  # the moments
            reads.cancel()
            await asyncio.wait([reads])
            if not reads.cancelled():
                heard.append(reads.result())
        while len(heard) < rounds:
            heard.append(await soon(anext(stream)))
        assert [event.seq for event in heard] == list(range(1, rounds + 1))


async def test_an_event_on_its_way_to_somebody_who_is_cancelled_stays(
    plain_emulator: Emulator,
) -> None:
    async with client_of(plain_emulator) as client:
        stream = client.events()
        [reads] = await begun(anext(stream))
        loop = asyncio.get_running_loop()

        @client.on_user_online
        def cancel(user: User) -> None:
            loop.call_soon(reads.cancel)  # streams look after the handlers, so: found, not yet read

        move(plain_emulator, "+bob")
        await asyncio.wait([reads])
        assert reads.cancelled()
        assert moves([at_once(stream.__anext__())]) == "+bob"


async def test_a_time_limit_from_outside_works(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        stream = client.events()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(stream)
        move(plain_emulator, "+bob")
        assert moves([await soon(anext(stream))]) == "+bob"


# ---- how it ends


async def test_it_ends_when_its_time_is_over(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await read(client.events(timeout=0.1)) == []
        assert 0.1 <= loop.time() - began < 2


async def test_the_clients_end_ends_it_and_loses_nothing(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        reads = asyncio.create_task(read(client.events()))
        late = client.events()
        await known(plain_emulator, client)
    assert moves(await reads) == moves(await read(late)) == "+carol"
    with pytest.raises(ClientClosed):
        client.events()


async def test_closing_it_ends_it(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        async with client.events() as stream:
            [reads] = await begun(read(stream))
        assert await reads == []
        await stream.aclose()
        assert await read(stream) == []


async def test_a_refusal_is_raised(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator, reconnect=Reconnect(base=0.01, max_attempts=1)) as client:
        [reads] = await begun(read(client.events()))
        with plain_emulator.refuse_connections():
            plain_emulator.kill_tcp()
            with pytest.raises(CometChatException):
                await reads


async def test_a_slow_reader_can_be_told(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        folds, drops = client.events(maxsize=2), client.events(maxsize=2, overflow="drop_oldest")
        ends = client.events(maxsize=2, overflow="error")
        move(plain_emulator, "+bob -bob +bob -bob +bob")
        await known(plain_emulator, client)
        assert moves([await anext(folds) for _ in range(4)]) == "+bob -bob +bob +carol"
        assert moves([await anext(drops) for _ in range(2)]) == "+bob +carol"
        assert (folds.dropped, drops.dropped) == (0, 4)
        assert moves([await anext(ends) for _ in range(2)]) == "+bob -bob"
        with pytest.raises(StreamOverflow):
            await anext(ends)


async def test_a_stream_is_for_one_task(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        stream = client.events()
        [first] = await begun(anext(stream))
        with pytest.raises(RuntimeError, match="a stream for each"):
            await anext(stream)
        move(plain_emulator, "+bob")
        assert moves([await soon(first)]) == "+bob"


async def test_streams_that_are_dropped_are_gone(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        streams = [client.events() for _ in range(10)]
        [reads] = await begun(anext(streams[0]))
        reads.cancel()
        await asyncio.wait([reads])
        del streams, reads
        gc.collect()
        assert not client._bell._listening
        assert not [each for each in gc.get_objects() if isinstance(each, EventStream)]


async def test_what_makes_no_sense_is_refused_at_once(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        for wrong in ({"uids": "bob"}, {"timeout": "1"}, {"stop_after": 0}, {"maxsize": 0}):
            with pytest.raises(ConfigError):
                client.events(**wrong)  # type: ignore[arg-type]
    async with client_of(plain_emulator, presence=PresenceScope.none()) as client:
        with pytest.raises(ConfigError, match="all_users"):
            client.events()
