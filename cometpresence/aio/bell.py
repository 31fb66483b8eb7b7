"""A client's bell on its event loop: what is done when it rings, and who waits for that."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from .._arguments import closed_error
from ..base import BATCH
from ..errors import CometChatException
from ..reports import Reports

if TYPE_CHECKING:
    from .._core import Call, Client

__all__ = ["Bell", "Listening"]

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Listening(Protocol):
    """Somebody who waits for news of his own."""

    def look(self) -> None:
        """The bell rang."""

    def give_up(self) -> None:
        """It will not ring any more."""


class Holding(Protocol):
    """Somebody far behind, who wants nothing told before he has caught up."""

    is_wanted: Callable[[], bool]
    """Whether anybody still cares."""


class Bell:
    """The one descriptor through which the network thread reaches a loop.

    It rings for calls that are done, for what handlers are to be told, and for news in streams.
    All of it happens on the loop's thread, and so does every method here.
    """

    def __init__(self, core: "Client", reports: Reports) -> None:
        self._core = core
        self._reports = reports
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answers: dict[Call[Any], asyncio.Future[None]] = {}
        self._listening: set[Listening] = set()
        self._holding: set[Holding] = set()
        self.trouble: asyncio.Event = asyncio.Event()
        """The connection failed and may have given up; or it is over."""
        self.over: asyncio.Event = asyncio.Event()
        """The client is closed, and all is told."""

    # ---- the loop

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, to which the client belongs from the first time on."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if self._core.closed:  # a forked child, in which no loop runs, is told so right here
                raise closed_error() from None
            raise CometChatException(
                "NO_EVENT_LOOP",
                "AsyncPresenceClient works inside an event loop: call it in a coroutine, "
                "or use PresenceClient.",
            ) from None
        if self._loop is None:
            loop.add_reader(self._core.fileno(), self._rung)
            self._loop = loop
        if self._loop is not loop:
            whose = "an event loop that is closed" if self._loop.is_closed() else "another loop"
            raise CometChatException(
                "OTHER_EVENT_LOOP",
                f"This client belongs to {whose}; make one for each asyncio.run().",
            )
        return loop

    @property
    def is_watched(self) -> bool:
        """Whether a loop watches it, until the end."""
        return self._loop is not None and not self.over.is_set()

    def loop_for_closing(self) -> asyncio.AbstractEventLoop | None:
        """loop(); None: it is closed, and nothing can be done on it any more."""
        return None if self._loop is not None and self._loop.is_closed() else self.loop()

    # ---- calls

    async def ask(self, start: "Callable[_P, Call[_T]]", *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What comes of the call that `start` makes; cancelling gives it up."""
        loop = self.loop()
        if self._core.closed:
            raise closed_error()
        call = start(*args, **kwargs)
        answer = self._answers[call] = loop.create_future()
        try:
            await answer
        except asyncio.CancelledError:
            self._core.cancel(call)
            raise
        finally:
            del self._answers[call]
        return call.result()

    # ---- listening

    def listen(self, listening: Listening) -> None:
        """Have look() called whenever the bell rings, until forget()."""
        self._listening.add(listening)

    def forget(self, listening: Listening) -> None:
        self._listening.discard(listening)

    def hold(self, holder: Holding) -> None:
        """Tell handlers nothing more, until release(): the roster keeps it, folded if it is much."""
        self._holding.add(holder)

    def release(self, holder: Holding) -> None:
        """Go on, if nobody else holds."""
        if holder not in self._holding:
            return
        self._holding.discard(holder)
        if self._loop is not None and self.is_watched:
            self._loop.call_soon(self._rung)

    @property
    def is_held(self) -> bool:
        """Whether handlers are told nothing for now."""
        return any(holder.is_wanted() for holder in self._holding)

    # ---- ringing

    def _rung(self) -> None:
        try:
            self._answer()
            if not self.is_held:
                self._tell()
        finally:
            for listening in tuple(self._listening):
                listening.look()
            self._look_for_the_end()

    def _answer(self) -> None:
        for call in self._core.take_done():  # which also silences the bell
            answer = self._answers.get(call)
            if answer is not None and not answer.done():
                answer.set_result(None)

    def _tell(self) -> None:
        try:
            self._core.drain(BATCH)  # rings again when there is more
        except Exception as error:  # not a handler's, those are reported one by one
            self._reports(error, "drain")
        if self._reports.alarm.is_set():
            self._reports.alarm.clear()
            self.trouble.set()

    # ---- the end

    def _look_for_the_end(self) -> None:
        if self._core.closed and self._core.close(0.0) and not self._core.wait(0.0):
            self.end()

    def end(self) -> None:
        """Ring no more: the client is closed, or took too long to close."""
        if self.over.is_set():
            return
        if self._loop is not None:
            self._loop.remove_reader(self._core.fileno())
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(closed_error())
        for listening in tuple(self._listening):
            listening.give_up()
        self.over.set()
        self.trouble.set()
