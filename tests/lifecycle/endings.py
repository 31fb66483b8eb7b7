"""A process with a client, which ends in one of several ways: `endings.py ENDING ARGUMENTS`.

What each must say, and how it must end, is in run.py.  superhero2 is online all the time.
"""

import gc
import multiprocessing
import os
import sys
import threading
import time
import warnings
from ast import literal_eval
from collections.abc import Callable
from typing import Any

from cometpresence import ClientClosed, Origin, PresenceClient

Arguments = dict[str, Any]
kept: list[object] = []
"""What nobody closes, and nothing collects."""


def say(*words: object) -> None:
    print(*words, flush=True)


def connected(arguments: Arguments) -> PresenceClient:
    client = PresenceClient(**arguments)
    kept.append(client)
    client.login()
    client.wait_synced(timeout=20)
    return client


def exit_without_close(arguments: Arguments) -> None:
    connected(arguments).on_user_offline(print)
    say("ready")


def exit_in_listener(arguments: Arguments) -> None:
    told = threading.Event()

    def leave(user: object) -> None:
        sys.exit(3)

    def note(error: BaseException, where: object) -> None:
        say("told", type(error).__name__)
        told.set()

    client = connected(arguments)
    client.on_error(note)
    client.on_user_online(leave, uids={"superhero2"}, origins=set(Origin))
    assert told.wait(20)
    say("goes on with", client.get_user("superhero2").uid)
    say("ready")


def run_forever(arguments: Arguments) -> None:
    client = connected(arguments)
    say("ready")
    client.run_forever()


def wait(arguments: Arguments) -> None:
    client = connected(arguments)
    say("ready")
    client.wait_for(lambda event: False)


# ---- children


def use_own(arguments: Arguments) -> None:
    """What a child may do: have a client of its own."""
    with PresenceClient(**(arguments | {"uid": "superhero5"})) as own:
        own.wait_synced(timeout=20)
        assert own.get_user("superhero2").uid == "superhero2"


def refuse(*calls: Callable[[], object]) -> None:
    """What a child may not: use its parent's."""
    for call in calls:
        try:
            call()
        except ClientClosed:
            continue
        raise AssertionError(f"{call} works")


def fork(arguments: Arguments) -> None:
    client = connected(arguments)
    if (pid := os.fork()) == 0:
        refuse(client.login, client.connect, client.stats, client.drain)
        client.close()
        use_own(arguments)
        sys.exit(0)  # with all that happens at an exit
    say("child ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    say("generation", client.presence.generation)
    say("ready")


def multiprocess(method: str, arguments: Arguments) -> None:
    child = multiprocessing.get_context(method).Process(target=use_own, args=(arguments,))
    child.start()
    child.join()
    say("child ended with", child.exitcode)


def multiprocessing_fork(arguments: Arguments) -> None:
    client = connected(arguments)
    multiprocess("fork", arguments)
    say("generation", client.presence.generation)
    say("ready")


def multiprocessing_spawn(arguments: Arguments) -> None:
    client = connected(arguments)
    multiprocess("spawn", arguments)
    say("generation", client.presence.generation)
    say("ready")


# ---- one after the other, in one process


def held() -> dict[str, int]:
    """What the process has once the last thread but this has gone, or has had the time to."""
    gc.collect()
    patience = time.monotonic() + 20
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < patience:
        time.sleep(0.01)
    with open("/proc/self/status") as status:
        facts = dict(line.split(":", 1) for line in status)
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": int(facts["Threads"]),
        "KB": int(facts["VmRSS"].split()[0]),
    }


def lives(arguments: Arguments) -> None:
    """Connected and closed, with more around them that are only made and closed, or forgotten."""
    rounds = arguments.pop("rounds")
    for number in range(rounds):
        if number == rounds // 2:
            say(held())  # whatever is made once has been made
        for _ in range(5):
            PresenceClient(**arguments).close()
            PresenceClient(**arguments)
        client = connected(arguments)
        client.on_user_online(lambda user, client=client: client.stats())  # a cycle
        client.close()
        kept.clear()
    say(held())


def main(endings: dict[str, Callable[[Arguments], object]]) -> object:
    warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on: forking with threads
    return endings[sys.argv[1]](literal_eval(sys.argv[2]))


if __name__ == "__main__":
    main(globals())
