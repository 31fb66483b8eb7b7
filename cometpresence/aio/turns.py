"""Handlers that are coroutine functions, on an event loop."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

__all__ = ["Crew", "Turns"]

_FULL = 1024  # calls that wait for one handler; it is told no more until half of them are done


class Crew:
    """The tasks of a client: held for as long as they run, and cancelled at its end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

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
        tasks = {task for task in self._tasks if task is not but}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class Turns:
    """What the handlers of one registration began, finished one after the other.

    A handler may return an awaitable, as coroutine functions do.  It gets its turn when those
    before it are done, so what a handler is told stays in order however long it takes.
    """

    def __init__(
        self,
        crew: Crew,
        failed: Callable[[int, BaseException], object],
        hold: "Callable[[Turns], None]",
        release: "Callable[[Turns], None]",
    ) -> None:
        self._crew = crew
        self._failed = failed
        self._hold = hold
        self._release = release
        self._waiting: deque[tuple[int, Awaitable[object]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.is_wanted: Callable[[], bool] = lambda: True  # else nothing more begins

    def taking(self, kind: int, fn: Callable[..., object]) -> Callable[..., object]:
        """`fn`, with what it returns taken care of; `kind` is for reports."""

        def call(*arguments: object) -> None:
            result = fn(*arguments)
            if result is not None and isinstance(result, Awaitable):
                self._add(kind, result)

        return call

    def _add(self, kind: int, begun: Awaitable[object]) -> None:
        self._waiting.append((kind, begun))
        if self._task is None:
            self._start()
        if len(self._waiting) >= _FULL:
            self._hold(self)

    def _start(self) -> None:
        self._task = self._crew.start(self._run())
        self._task.add_done_callback(self._ended)

    async def _run(self) -> None:
        while self._waiting:
            kind, begun = self._waiting.popleft()
            if len(self._waiting) < _FULL // 2:
                self._release(self)
            if self.is_wanted():
                await self._finish(kind, begun)
            else:
                _give_up(begun)

    async def _finish(self, kind: int, begun: Awaitable[object]) -> None:
        try:
            await begun
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            self._failed(kind, error)  # something it waited for was cancelled, and not we
        except Exception as error:
            self._failed(kind, error)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if task.cancelled():
            while self._waiting:
                _give_up(self._waiting.popleft()[1])
        if self._waiting:
            self._start()  # came between its end and now
        else:
            self._release(self)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _give_up(begun: Awaitable[object]) -> None:
    """It will never be awaited, and that is no mistake."""
    if isinstance(begun, Coroutine):
        begun.close()
    elif isinstance(begun, asyncio.Future):
        begun.cancel()
