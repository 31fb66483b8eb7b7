"""Waits in one of several ways, and says how it was woken."""

import sys
from ast import literal_eval
from typing import Any

from cometpresence import AppSettingsBuilder, PresenceClient

where = sys.argv[2]
arguments = literal_eval(sys.argv[1]) | {"connect_timeout": 60.0, "dispatch": "none"}
settings = (
    AppSettingsBuilder()
    .subscribe_presence_for_all_users()
    .auto_establish_socket_connection(False)
    .build()
)
if where == "run_forever":
    arguments["dispatch"] = "thread"
client = PresenceClient(settings=settings, **arguments)


def wait() -> None:
    while client.wait():
        client.drain()


def wait_synced() -> None:
    client.connect()
    client.wait_synced()


def linger(user: object) -> None:
    print("in the handler", flush=True)
    sys.stdin.readline()


calls: dict[str, Any] = {
    "login": client.login,
    "wait_synced": wait_synced,
    "get_user": lambda: client.get_user("superhero2"),
    "wait_for_online": lambda: client.wait_for_online("superhero2"),
    "wait_for": lambda: client.wait_for(lambda event: False),
    "events": lambda: next(client.events()),
    "wait": wait,
    "run_forever": client.run_forever,
    "handler": wait,
}
if where not in ("login", "run_forever"):
    client.login()
if where in ("wait", "wait_for_online", "wait_for", "events", "handler"):
    client.connect()
    client.wait_synced(timeout=10)
if where == "handler":
    client.on_user_online(linger, uids={"superhero2"})
print("ready", flush=True)
sys.stdin.readline()
try:
    print("waiting", flush=True)
    calls[where]()
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("returned", flush=True)
client.close()
