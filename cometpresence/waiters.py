"""Waiting for somebody to come or go, on whichever thread asks."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._arguments import (
    check_function,
    check_takes,
    check_text,
    check_timeout,
    not_logged_in,
    refuse_coroutine,
)
from .errors import ConfigError, RequestTimeout
from .handlers import HANDLER_ORIGINS
from .settings import PresenceScope

if TYPE_CHECKING:
    from ._core import Client, PresenceEvent, User

__all__ = ["Waiters"]

_BACKLOG = 1024  # changes kept in order while a predicate is slow; more fold into one per user
_BATCH = 256


class Waiters:
    """The ``wait_for…`` calls of a blocking client.

    The network thread wakes them by itself, so they work inside handlers too, and thousands at
    once.  They wait through reconnects.  While the picture is DEGRADED, what was known before the
    call does not count: a comparison is made soon for those who wait, and what it says does.

    A wait ends with RequestTimeout after `timeout` seconds (None: never), with ClientClosed, with
    AuthError when the login ends, and with the server's reason when it refuses the client for good.
    """

    _core: "Client"
    _scope: PresenceScope

    def wait_for_online(
        self, uid: str, *, timeout: float | None = None, fresh: bool = False
    ) -> "User":
        """Wait until `uid` is online and return them: at once if they are already and the picture
        is SYNCED.

        `fresh` waits for them to come, even if they are here.
        """
        return self._core.await_user(check_text(uid, "uid"), True, fresh, timeout)

    def wait_for_offline(
        self, uid: str, *, timeout: float | None = None, fresh: bool = False
    ) -> "User":
        """Wait until `uid` is offline and return them: at once if they are already and the picture
        is SYNCED.

        `fresh` waits for them to go, even if they are away.  Of somebody never heard of there is
        nothing to return but the uid.
        """
        return self._core.await_user(check_text(uid, "uid"), False, fresh, timeout)

    def wait_for(
        self, predicate: "Callable[[PresenceEvent], bool]", /, *, timeout: float | None = None
    ) -> "PresenceEvent":
        """Wait for the next event for which `predicate` is true, and return it.

        It is asked about what happens from now on, on the calling thread; as a handler, not about
        the first snapshot.  What it raises ends the wait.
        """
        check_takes(check_function(predicate, "The predicate"), ("event",), "The predicate")
        if self._scope.is_empty:
            raise ConfigError(
                "ERR_NO_SUBSCRIPTION",
                "Nobody's presence is subscribed to, so nothing "
                "will happen: presence=PresenceScope.all_users() subscribes.",
            )
        check_timeout(timeout, "timeout")
        if self._core.me is None and not self._core.closed:
            raise not_logged_in()

        def asked(event: "PresenceEvent") -> object:
            return refuse_coroutine(predicate(event), "The predicate")

        deadline = None if timeout is None else time.monotonic() + timeout
        left = timeout
        with self._core.open_feed(_BACKLOG, "coalesce") as feed:
            while feed.wait(left):
                for event in feed.take(_BATCH):
                    if event.origin in HANDLER_ORIGINS and asked(event):
                        return event
                if deadline is not None and (left := deadline - time.monotonic()) <= 0:
                    break
        raise RequestTimeout("ERR_TIMEOUT", "No such event came in time.")
