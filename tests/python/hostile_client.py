"""Clients for hostile servers: they reconnect at once, and are closed after the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from python.hostile import Hostile
from python.inbox import Inbox

from cometpresence import PresenceClient, Reconnect, Resync

AT_ONCE = Reconnect(base=0.01, cap=0.02, floor=0.001)
NO_AUDIT = Resync(audit_after=None)


@contextmanager
def watching(server: Hostile, **kw: Any) -> Iterator[tuple[PresenceClient, Inbox]]:
    """A client of that server, logged in, and an inbox with the users who came online."""
    client = PresenceClient(
        **(server.client_args() | {"reconnect": AT_ONCE, "resync": NO_AUDIT} | kw)
    )
    came = Inbox()
    client.on_user_online(came)
    try:
        client.login()
        yield client, came
    finally:
        client.close()
