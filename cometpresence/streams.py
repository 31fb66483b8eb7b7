"""Events to iterate over, for code that would rather ask for the next one than be called."""

import math
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from ._arguments import check_number, check_timeout, closed_error, warn
from .errors import ClientClosed, CometChatException, ConfigError
from .filters import about, check_origins
from .values import Origin

if TYPE_CHECKING:
    from ._core import PresenceEvent
    from .base import _Common

__all__ = ["EventIterator", "Overflow", "Stream"]

Overflow: TypeAlias = Literal["coalesce", "drop_oldest", "error"]

LOOKS = 256  # at events nobody wants, before others get their turn


class Stream:
    """A stream of events, whichever way its reader waits: what is wanted of a feed, and until when.

    Nothing is held here: an event leaves the feed, which is bounded, when the reader gets it.
    """

    def __init__(
        self,
        client: "_Common",
        *,
        uids: Collection[str] | None,
        roles: Collection[str] | None,
        origins: Collection[Origin],
        snapshot: bool,
        timeout: float | None,
        stop_after: int | None,
        maxsize: int,
        overflow: Overflow,
        on_bell: bool = False,
    ) -> None:
        if client._scope.is_empty:
            raise ConfigError(
                "ERR_NO_SUBSCRIPTION",
                "Nobody's presence is subscribed to, so there are no events: "
                "presence=PresenceScope.all_users() subscribes.",
            )
        seconds = check_timeout(timeout, "timeout")
        if (
            stop_after is not None
            and check_number(stop_after, "stop_after", "INVALID_PARAMETER") < 1
        ):
            raise ConfigError("INVALID_PARAMETER", "stop_after is at least 1; None: no limit.")
        self._client = client  # which lives as long as somebody reads
        self._wants = about(uids, roles)
        self._origins = check_origins(origins)
        if snapshot:
            self._origins |= {Origin.SNAPSHOT}
        self._wanted = stop_after
        self._warned = False
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._feed = client._core.open_feed(maxsize, overflow, snapshot, on_bell)
        if client._core.closed:
            self._feed.close()
            raise closed_error()

    @property
    def closed(self) -> bool:
        """Whether it has ended: by itself, by close(), or with its client's close()."""
        return self._feed.closed

    @property
    def dropped(self) -> int:
        """How many changes were lost because the reader was slow.

        With overflow="coalesce" none is: they fold, and ``event.coalesced`` counts them.
        """
        return self._feed.dropped

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'ended' if self.closed else 'open'}>"

    # ---- how

    def _next_of(self, looks: int) -> "PresenceEvent | None":
        """The first event that is wanted, of so many that are there; None: there is none."""
        while looks > 0 and (taken := self._feed.take(1)):
            looks -= 1
            event = taken[0]
            if event.received_at > self._end:
                self._feed.close()
            elif event.origin in self._origins and (self._wants is None or self._wants(event.user)):
                self._count()
                return event
        return None

    def _count(self) -> None:
        if self._wanted is not None:
            self._wanted -= 1
            if self._wanted == 0:
                self._feed.close()

    def _time_left(self) -> float | None:
        return None if self._end == math.inf else max(0.0, self._end - time.monotonic())

    def _warn_if_in_vain(self) -> None:
        """Somebody is about to wait; that it was made before login() is no mistake."""
        if not self._warned and not self._client._core.closed and self._client._core.me is None:
            self._warned = True
            warn("nobody is logged in, so there will be no events before you call login()")

    def _sleep(self, timeout: float | None) -> None:
        """Until there may be something, at most `timeout` seconds.  Closes the feed when nothing
        more can come, and raises why, unless that was the reader's own wish."""
        try:
            if not self._feed.wait(timeout) and self._time_left() == 0:
                self._feed.close()
        except ClientClosed:
            self._feed.close()
        except CometChatException:
            self._feed.close()
            raise


class EventIterator(Stream, Iterator["PresenceEvent"], AbstractContextManager["EventIterator"]):
    """The events of a client, one after the other; made by ``PresenceClient.events()``.

    An iterator for one thread; close() ends it from any thread.
    """

    def __next__(self) -> "PresenceEvent":
        while not self._feed.closed:
            event = self._next_of(LOOKS)
            if event is not None:
                return event
            if not self._feed.closed:
                self._warn_if_in_vain()
                self._sleep(self._time_left())
        raise StopIteration

    def close(self) -> None:
        """End the stream; what was not read is given up.  Idempotent."""
        self._feed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()
