"""Handlers that are coroutine functions, on an event loop."""

import asyncio
import time
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from ..reports import SLOW

__all__ = ["Crew", "Turns", "outcome"]

_FULL = 1024  # calls that wait for one handler; it is told no more until half of them are done


class Crew:
    """The tasks of a client: held for as long as they run, and cancelled at its end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_dismissed: bool = False
        """Nothing more shall begin."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task of the running loop."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    async def dismiss(self, but: "asyncio.Task[Any] | None") -> None:
        """Cancel all `but` one, and wait until they have ended."""
        self.is_dismissed = True
        tasks = {task for task in self._tasks if task is not but}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class Turns:
    """What the handlers of one registration began, finished one after the other.

    A handler may return an awaitable, as coroutine functions do.  It gets its turn, and a task of
    its own, when those before it are done: so what a handler is told stays in order however long
    it takes, and one that is cancelled, or cancels itself, ends no call but its own.
    """

    def __init__(
        self,
        crew: Crew,
        failed: Callable[[Any, BaseException], object],
        slow: Callable[[Any, float], object],
        hold: "Callable[[Turns], None]",
        release: "Callable[[Turns], None]",
    ) -> None:
        self._crew = crew
        self._failed = failed
        self._slow = slow
        self._hold = hold
        self._release = release
        self._waiting: deque[tuple[Any, Awaitable[object]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.is_wanted: Callable[[], bool] = lambda: True  # else nothing more begins

    def taking(self, kind: Any, fn: Callable[..., object]) -> Callable[..., object]:
        """`fn`, with what it returns taken care of; `kind` is for reports."""

        def call(*arguments: object) -> None:
            result = fn(*arguments)
            if result is not None and isinstance(result, Awaitable):
                self._add(kind, result)

        return call

    def _add(self, kind: Any, begun: Awaitable[object]) -> None:
        self._waiting.append((kind, begun))
        if self._task is None:
            self._begin_next()
        elif len(self._waiting) >= _FULL:
            self._hold(self)

    def _begin_next(self) -> None:
        while self._waiting and self._task is None:
            kind, begun = self._waiting.popleft()
            if self._crew.is_dismissed or not self.is_wanted():
                _give_up(begun)
            else:
                self._task = self._crew.start(self._finish(kind, begun))
                self._task.add_done_callback(self._ended)
        if len(self._waiting) < _FULL // 2:
            self._release(self)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if not task.cancelled():
            task.exception()  # a Ctrl-C, which the loop has raised already
        self._begin_next()

    async def _finish(self, kind: Any, begun: Awaitable[object]) -> None:
        def took(seconds: float) -> None:
            if seconds > SLOW:
                self._slow(kind, seconds)

        error = await outcome(begun, took)
        if error is not None:
            self._failed(kind, error)


@types.coroutine
def outcome(
    begun: Awaitable[object], took: Callable[[float], object]
) -> Generator[Any, Any, BaseException | None]:
    """Finish what user code began, and return what it raised, whatever that is; Ctrl-C and the
    cancelling of this task pass.  `took` is told how many seconds each step kept the loop."""
    work = begun if isinstance(begun, Coroutine) else _awaiting(begun)
    step: Callable[[Any], object] = work.send
    argument: Any = None
    while True:
        began = time.monotonic()
        try:
            waits_for = step(argument)
        except StopIteration:
            return None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or _is_cancelled(error):
                raise
            return error
        finally:
            took(time.monotonic() - began)
        try:
            argument = yield waits_for
            step = work.send
        except GeneratorExit:  # nobody will finish it
            work.close()
            raise
        except BaseException as error:
            step, argument = work.throw, error


def _is_cancelled(error: BaseException) -> bool:
    """Whether this task is; else something that was waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def _awaiting(begun: Awaitable[object]) -> None:
    await begun


def _give_up(begun: Awaitable[object]) -> None:
    """It will never be awaited, and that is no mistake."""
    if isinstance(begun, Coroutine):
        begun.close()
    elif isinstance(begun, asyncio.Future):
        begun.cancel()
