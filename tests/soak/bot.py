"""The client of a soak, in a process of its own: `bot.py ARGUMENTS`.

Each line on its standard input asks for a look; the answer is a line of JSON.
"""

import gc
import json
import os
import sys
import time
from ast import literal_eval
from contextlib import suppress
from typing import Any

from trust.diary import Diary

from cometpresence import AuthError, PresenceClient, Reconnect, Resync

ROUNDS = 20  # of looks at the process, a moment apart: what comes and goes does not count
MOMENT = 0.05


def make(arguments: dict[str, Any], **options: Any) -> PresenceClient:
    return PresenceClient(
        **arguments,
        reconnect=Reconnect(base=0.1, cap=1.0, floor=0.05),
        connect_timeout=5.0,
        **options,
    )


def settle(client: PresenceClient) -> None:
    """Log in again, should it have been refused or yet be, and compare with the server."""
    while True:
        try:
            client.login()  # answered from memory, unless it was refused
            client.connect()
            client.wait_synced(timeout=60.0)
            client.resync()
            return
        except AuthError:  # an expired token was found out just now
            continue


def visit(arguments: dict[str, Any]) -> int:
    """The whole life of another client; how many it saw online."""
    with make(arguments) as visitor:
        return len(visitor.presence.online)


def held() -> dict[str, int]:
    """What the process has, at the least, within a second."""
    gc.collect()
    found = []
    for _ in range(ROUNDS):
        with open("/proc/self/status") as status:
            facts = dict(line.split(":", 1) for line in status)
        found.append(
            {
                "rss_kb": int(facts["VmRSS"].split()[0]),
                "descriptors": len(os.listdir("/proc/self/fd")),
                "threads": int(facts["Threads"]),
            }
        )
        time.sleep(MOMENT)
    return {what: min(one[what] for one in found) for what in found[0]}


def look(client: PresenceClient, diary: Diary, visitor: dict[str, Any]) -> dict[str, Any]:
    settle(client)
    visit(visitor)
    picture = set(client.presence.online)
    with suppress(AssertionError):  # the parent compares
        diary.wait_until(lambda _: diary.online == picture)
    stats = client.stats()
    return {
        **held(),
        "picture": sorted(picture),
        "told": sorted(diary.online),
        "not_alternating": len(diary.faults),
        "events": sum(diary.count.values()),
        "reconnects": stats.reconnects,
        "coalesced": stats.coalesced,
    }


def main() -> None:
    arguments, visitor = literal_eval(sys.argv[1])
    client = make(arguments, resync=Resync(audit_after=5.0), ping_interval=1.0, ping_timeout=1.0)
    client.on_error(lambda error, where: None)  # that is what it is here for
    diary = Diary(client)
    with client:
        for _ in sys.stdin:
            print(json.dumps(look(client, diary, visitor)), flush=True)


main()
