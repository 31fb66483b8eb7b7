"""What a client owes the process it lives in: an end at exit, and peace after a fork."""

import atexit
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from . import _core

if TYPE_CHECKING:
    from .base import _Common

__all__ = ["EXIT_TIMEOUT", "remember"]

EXIT_TIMEOUT = 2.0  # for all clients together

_clients: "weakref.WeakSet[_Common]" = weakref.WeakSet()
_lock = threading.Lock()


def remember(client: "_Common") -> None:
    """Close `client` at exit, should nobody have done so by then."""
    with _lock:
        _clients.add(client)


@atexit.register
def _close_all() -> None:
    deadline = time.monotonic() + EXIT_TIMEOUT
    with _lock:
        clients = list(_clients)
    for client in clients:
        client._close_at_exit(max(0.0, deadline - time.monotonic()))
    _core.shutdown(max(0.0, deadline - time.monotonic()))


def _forget_all() -> None:
    """In a forked child: the clients are the parent's, and so is whoever holds the lock."""
    global _lock
    _lock = threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=_core.forked)
os.register_at_fork(after_in_child=_forget_all)
