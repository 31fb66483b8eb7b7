"""Makes, connects and closes one client after the other, and says what the process holds after
some, and after all of them."""

import gc
import os
import sys
import time
from ast import literal_eval
from contextlib import suppress

from cometpresence import AuthError, PresenceClient

arguments = literal_eval(sys.argv[1])
rounds = int(sys.argv[2])


def live(number: int) -> None:
    client = PresenceClient(**arguments)
    client.on_user_online(lambda user: client.stats())  # a cycle
    if number % 10 == 3:
        with suppress(AuthError):
            client.login("superhero1", "wrong")
    if number % 10 == 4:
        return  # never used, never closed
    client.login()
    if number % 10 != 5:
        client.wait_synced(timeout=10)
    client.close()


def facts_of_this() -> dict[str, str]:
    with open("/proc/self/status") as status:
        return dict(line.split(":", 1) for line in status)


def held() -> dict[str, int]:
    """What is held once the threads of the last client have ended, which nothing tells."""
    gc.collect()
    end = time.monotonic() + 20
    while int((facts := facts_of_this())["Threads"]) > 1 and time.monotonic() < end:
        time.sleep(0.01)
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": int(facts["Threads"]),
        "kilobytes": int(facts["VmRSS"].split()[0]),
    }


for number in range(rounds):
    if number == rounds // 2:
        print(held(), flush=True)  # whatever is made once has been made
    live(number)
print(held(), flush=True)
