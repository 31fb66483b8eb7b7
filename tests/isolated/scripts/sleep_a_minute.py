"""A handler sleeps for a minute, at the settings everybody has, while users come and go; says in
the end what the emulator has seen and the handler was told."""

import threading
import time
from collections import Counter

from cometpresence import PresenceClient, User
from cometpresence.emulator import Emulator

MINUTE = 60.0
PATIENCE = 10.0

told: list[str] = []
asleep, awake, done = threading.Event(), threading.Event(), threading.Event()


def sleep(user: User) -> None:
    told.append(user.uid)
    if user.uid == "superhero2":
        asleep.set()
        time.sleep(MINUTE)
        awake.set()
    if user.uid == "superhero4":
        done.set()


with Emulator() as emulator, PresenceClient(**emulator.client_args("superhero1")) as client:
    client.on_user_online(sleep)
    emulator.set_online("superhero2")
    assert asleep.wait(PATIENCE)
    emulator.set_online("superhero3")
    assert awake.wait(MINUTE + PATIENCE)
    emulator.set_online("superhero4")
    assert done.wait(PATIENCE)
    sockets = Counter(
        entry["sockets"][0]
        for entry in emulator.journal
        if (entry["kind"], entry["dir"]) == ("ws", "out") and entry["type"] == "pong"
    )
    print({"told": told, "pongs": list(sockets.values()), "slow": client.stats().slow_handlers})
    assert client.presence.online == emulator.online
    assert client.presence.generation == 1
