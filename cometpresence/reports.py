"""Where failures are told that no caller is there to catch."""

import logging
import threading
import time
from collections.abc import Callable

from ._arguments import refuse_coroutine

__all__ = ["SLOW", "Reports", "place_of"]

SLOW = 1.0  # seconds that a handler may keep the others waiting

_logger = logging.getLogger("cometpresence")


class Reports:
    """What goes wrong in a listener or on the connection goes to the ``on_error`` handlers; while
    there are none, to the log.  Called by the core, which must never see it raise.
    """

    def __init__(self, advice: str) -> None:
        self._advice = advice  # for those who write slow handlers
        self._handlers: list[tuple[str, Callable[[BaseException, str], object]]] = []
        self._slow: set[str] = set()
        self.alarm: threading.Event = threading.Event()
        """Set when the connection failed and may have given up, for whoever waits for its end.

        Not for a frame that was dropped or a comparison that is made again: it goes on.
        """

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def add(self, handler: Callable[[BaseException, str], object], where: str) -> None:
        self._handlers.append((where, handler))

    def __call__(self, error: BaseException, where: str) -> None:
        if not self._handlers:
            self._log(error, where)
        for place, handler in tuple(self._handlers):
            began = time.monotonic()
            try:
                refuse_coroutine(handler(error, where), "An on_error handler")
            except BaseException as failure:
                if is_ctrl_c(failure):
                    raise
                self.handler_failed(failure, error, where)
            self.took(place, time.monotonic() - began)
        if where == "connection":
            self.alarm.set()

    def handler_failed(self, failure: BaseException, error: BaseException, where: str) -> None:
        """An on_error handler did when it was told of `error`, which may be known to nobody else:
        both go to the log."""
        self._log(error, where)
        _logger.error("an on_error handler failed", exc_info=failure)

    def _log(self, error: BaseException, where: str) -> None:
        _logger.error("failure in %s: %s", where, error, exc_info=error)

    def took(self, where: str, seconds: float) -> None:
        """How long one who is called by us did; said once of each when it was too long."""
        if seconds > SLOW and where not in self._slow:
            self._slow.add(where)
            self.slow(where, seconds)

    def slow(self, where: str, seconds: float) -> None:
        """A handler kept the others waiting; the core says so once of each."""
        _logger.warning(
            "%s has run for %.1f s, and %s (said once of each handler)",
            where,
            seconds,
            self._advice,
        )


def place_of(fn: object) -> str:
    """What an on_error handler is called in reports."""
    return f"on_error handler {getattr(fn, '__qualname__', type(fn).__qualname__)!r}"


def is_ctrl_c(error: BaseException) -> bool:
    """Whether `error` is for whoever runs the main thread, as Python users expect, and not for a
    report."""
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
    )
