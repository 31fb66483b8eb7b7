"""Forks again and again while events pour in and other threads ask the server, so that whatever
can be locked is locked in some child."""

import os
import sys
import threading
import warnings
from ast import literal_eval
from contextlib import suppress

from cometpresence import ClientClosed, PresenceClient

warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on: forking with threads
arguments = literal_eval(sys.argv[1])
client = PresenceClient(**arguments)
seen = threading.Event()
enough = threading.Event()


@client.on_presence
def note(event: object) -> None:
    seen.set()


def ask() -> None:
    while not enough.is_set():
        client.get_user("superhero2")


def use_old() -> None:
    for call in (client.stats, client.login, client.drain, lambda: client.presence["superhero2"]):
        with suppress(ClientClosed):
            call()
            os._exit(1)
    client.close()


client.login()
client.wait_synced(timeout=10)
asking = threading.Thread(target=ask)
asking.start()
print("connected", flush=True)
for number in range(int(sys.argv[2])):
    seen.clear()
    assert seen.wait(10)
    if (pid := os.fork()) == 0:
        use_old()
        if number % 10 == 0:
            with PresenceClient(**(arguments | {"uid": "superhero5"})) as own:
                own.get_user("superhero2")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
enough.set()
asking.join()
report = client.wait_synced(timeout=10)
print("generation", client.presence.generation, flush=True)
client.close()
