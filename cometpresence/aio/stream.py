"""Events to iterate over with ``async for``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..streams import LOOKS, Stream
from .bell import Bell

if TYPE_CHECKING:
    from .._core import PresenceEvent
    from ..base import _Common

__all__ = ["EventStream"]


class EventStream(
    Stream, AsyncIterator["PresenceEvent"], AbstractAsyncContextManager["EventStream"]
):
    """The events of a client, one after the other; made by ``AsyncPresenceClient.events()``.

    An event that is there already is returned without a task, a future or a turn of the loop.
    Cancelling whoever waits loses no event: the next ``anext()`` returns it.  For one task.
    """

    def __init__(self, client: "_Common", bell: Bell, **options: Any) -> None:
        self._bell = bell
        self._loop = bell.loop()
        self._found: PresenceEvent | None = None  # for whoever waited, should he still want it
        self._waiter: asyncio.Future[None] | None = None
        super().__init__(client, on_bell=True, **options)

    async def __anext__(self) -> "PresenceEvent":
        while (event := self._take()) is None:
            if self._feed.closed:
                raise StopAsyncIteration
            await self._more()
        return event

    async def aclose(self) -> None:
        """End the stream; what was not read is given up.  Idempotent."""
        self._found = None
        self.give_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await self.aclose()

    # ---- how

    def _take(self) -> "PresenceEvent | None":
        event, self._found = self._found, None
        return self._next_of(LOOKS) if event is None else event

    async def _more(self) -> None:
        """Until there may be more, or the end has come."""
        if self._feed.has_news or self._time_left() == 0:
            self._sleep(0.0)  # it does not: it raises at the end, or closes the feed
            await asyncio.sleep(0)  # much was there that nobody wants: others get their turn
        else:
            await self._news()

    async def _news(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("Another task waits for this stream; make a stream for each.")
        self._warn_if_in_vain()
        self._bell.loop()  # is still the running one
        if self._bell.over.is_set():
            self._feed.close()
            return
        self._waiter = self._loop.create_future()
        timer = None
        if (left := self._time_left()) is not None:
            timer = self._loop.call_later(left, self._wake)
        self._bell.listen(self)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._bell.forget(self)
            if timer is not None:
                timer.cancel()

    def look(self) -> None:
        """The bell rang.  What others sent does not wake the task."""
        if self._waiter is None or self._waiter.done() or not self._feed.has_news:
            return
        self._found = self._next_of(LOOKS)
        if self._found is not None or self._feed.has_news:
            self._wake()

    def give_up(self) -> None:
        """Nothing more will come."""
        self._feed.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
