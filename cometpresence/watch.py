"""Handlers that do not return, and a network that does not turn, noticed meanwhile."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ._core import Client

__all__ = ["WATCH"]

_LOOK = 0.5  # seconds from a delivery to the look at it
_LEAST = 0.01


class _Watch:
    """One thread for all clients that have a dispatch thread, for as long as there are any.

    Half a second after something was delivered it looks at what runs by then, and again when that
    has taken too long; the client warns, once of each handler.  While nothing is delivered it looks
    every few seconds whether the network turns, since a dispatch thread that waits may be the one
    that turns it.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked child must: it has no such thread, and perhaps a locked lock."""
        self._lock = threading.Lock()
        self._clients: set[Client] = set()
        self._thread: threading.Thread | None = None
        self._stirred = threading.Event()
        self.wants_stir: bool = True
        """Whether it would otherwise miss what is about to be delivered."""

    @contextmanager
    def over(self, client: "Client") -> Iterator[None]:
        """Look at `client`, which this thread drains."""
        with self._lock:
            self._clients.add(client)
            if self._thread is None:
                self.wants_stir = True  # the leaving of the last client has left it unset
                self._thread = threading.Thread(
                    target=self._run, name="cometpresence watch", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._clients.discard(client)
            self.stir()

    def stir(self) -> None:
        """Something is about to be delivered."""
        self.wants_stir = False
        self._stirred.set()

    def _run(self) -> None:
        while True:
            if not self._stirred.wait(self._mind_network()):
                continue
            self._stirred.clear()  # before the look at who is left: the last may leave after it
            if self._is_over():
                return
            self.wants_stir = True  # from here on: what began before is seen half a second later
            time.sleep(_LOOK)
            while (left := self._look()) is not None:
                time.sleep(max(left, _LEAST))

    def _is_over(self) -> bool:
        with self._lock:
            if not self._clients:
                self._thread = None
            return self._thread is None

    def _look(self) -> float | None:
        """In how many seconds to look again; None: nothing is left to decide."""
        left = [client.mind_running() for client in self._watched()]
        return min((each for each in left if each is not None), default=None)

    def _mind_network(self) -> float | None:
        return min((client.mind_network() for client in self._watched()), default=None)

    def _watched(self) -> tuple["Client", ...]:
        with self._lock:
            return tuple(self._clients)


WATCH: Final = _Watch()
os.register_at_fork(after_in_child=WATCH.reset)
