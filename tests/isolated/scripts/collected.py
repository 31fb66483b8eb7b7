"""Drops a client and a listener that hold each other, without closing."""

import gc
import sys
import weakref
from ast import literal_eval

from cometpresence import PresenceClient, User, UserListener


class Holder(UserListener):
    def __init__(self, client: PresenceClient) -> None:
        self.client = client

    def on_user_online(self, user: User, /) -> None:
        self.client.presence.is_online(user.uid)


def make(state: str) -> list[weakref.ref[object]]:
    # A dispatch thread is for those who want to hear: it keeps its client until close().
    dispatch = "thread" if state == "unused" else "none"
    client = PresenceClient(**literal_eval(sys.argv[1]), dispatch=dispatch)
    listener = Holder(client)
    client.add_listener(listener)
    client.on_presence(lambda event: client.stats())
    if state == "connected":
        client.login()
        client.wait_synced(timeout=10)
    return [weakref.ref(client), weakref.ref(listener)]


references = make(sys.argv[2])
print("made", flush=True)
sys.stdin.readline()
gc.collect()
print("alive" if any(reference() for reference in references) else "collected", flush=True)
sys.stdin.readline()
