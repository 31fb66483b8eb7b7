"""Where failures are told that no caller is there to catch."""

import logging
import threading
from collections.abc import Callable

__all__ = ["Reports"]

_logger = logging.getLogger("cometpresence")


class Reports:
    """What goes wrong in a listener or on the connection goes to the ``on_error`` handlers; while
    there are none, to the log.  Called by the core, which must never see it raise.
    """

    def __init__(self) -> None:
        self._handlers: list[Callable[[BaseException, str], object]] = []
        self.alarm: threading.Event = threading.Event()
        """Set when the connection failed and may have given up, for whoever waits for its end.

        Not for a frame that was dropped or a comparison that is made again: it goes on.
        """

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def add(self, handler: Callable[[BaseException, str], object]) -> None:
        self._handlers.append(handler)

    def __call__(self, error: BaseException, where: str) -> None:
        if not self._handlers:
            _logger.error("failure in %s: %s", where, error, exc_info=error)
        for handler in tuple(self._handlers):
            try:
                handler(error, where)
            except Exception as failure:
                self.handler_failed(failure)
        if where == "connection":
            self.alarm.set()

    def handler_failed(self, error: BaseException) -> None:
        """An on_error handler did, so there is nobody left to tell."""
        _logger.error("an on_error handler failed", exc_info=error)

    def slow(self, where: str, seconds: float) -> None:
        """A handler kept the others waiting; the core says so once of each."""
        _logger.warning(
            "%s took %.1f s, and no other handler was called meanwhile: hand long work to a thread, "
            "such as a ThreadPoolExecutor's, or to a queue of your own (said once of each handler; "
            "stats().slow_handlers counts)",
            where,
            seconds,
        )
