"""Tests that are coroutine functions, and clients for them."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest
import uvloop
from python.inbox import PATIENCE

from cometpresence import AsyncPresenceClient
from cometpresence.emulator import Emulator

_T = TypeVar("_T")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """For tests that shall run on each kind of loop."""
    return LOOPS[request.param]


def run_if_coroutine(item: pytest.Function) -> bool:
    """Run a test on a loop of its own; False: it is a plain function."""
    if not inspect.iscoroutinefunction(item.obj):
        return False
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=item.funcargs.get("loop_factory")) as runner:
        runner.run(item.obj(**arguments))
    return True


def client_of(emulator: Emulator, uid: str = "alice", **kw: Any) -> AsyncPresenceClient:
    return AsyncPresenceClient(**(emulator.client_args(uid) | kw))


async def soon(awaitable: Awaitable[_T]) -> _T:
    """What is awaited, which must not take for ever."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def begun(*works: Coroutine[Any, Any, _T]) -> list[asyncio.Task[_T]]:
    """Tasks that have come to their first wait: a loop gives turns in the order of asking."""
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)
    return tasks


async def until(is_so: Callable[[], object]) -> None:
    """For what nothing tells of: the log, what the client keeps to itself, a descriptor."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0.001)


class Inbox:
    """A handler that remembers what it was called with, and can be awaited."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self._came = asyncio.Event()

    def __call__(self, *arguments: Any) -> None:
        self.letters.append(arguments[0] if len(arguments) == 1 else arguments)
        self._came.set()

    async def wait_for(self, count: int) -> list[Any]:
        """What has come, once it is at least so much."""
        return await self.wait_until(lambda letters: len(letters) >= count)

    async def wait_until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        async with asyncio.timeout(PATIENCE):
            while not enough(self.letters):
                self._came.clear()
                await self._came.wait()
        return list(self.letters)
