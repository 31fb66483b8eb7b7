"""A client whose listener sleeps from the first event on, until a line comes; what it has then
seen, and what that cost, goes out as JSON."""

import json
import sys
import threading
from ast import literal_eval

from cometpresence import Origin, PresenceClient, PresenceEvent, UserStatus

PATIENCE = 30.0


def kilobytes(what: str) -> int:
    """Resident now, VmRSS, or at most, VmHWM."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what))


awake, told_batch = threading.Event(), threading.Event()
told: dict[str, UserStatus] = {}
faults: list[str] = []


def sleep(event: PresenceEvent) -> None:
    awake.wait()
    uid, status = event.user.uid, event.user.status
    if event.previous is not told.get(uid, UserStatus.UNKNOWN) or event.previous is status:
        faults.append(f"{uid}: {event.previous} to {status}")
    told[uid] = status


def told_online() -> set[str]:
    return {uid for uid, status in told.copy().items() if status is UserStatus.ONLINE}


before = kilobytes("VmRSS")
with PresenceClient(**literal_eval(sys.argv[1])) as client:
    client.on_presence(sleep, origins=set(Origin))
    client.on_presence_batch(lambda _: told_batch.set(), origins=set(Origin))
    print("asleep", flush=True)
    sys.stdin.readline()
    peak = kilobytes("VmHWM")
    stats = client.stats()
    awake.set()
    while told_online() != client.presence.online and told_batch.wait(PATIENCE):
        told_batch.clear()
    result = {
        "grown_by": peak - before,
        "frames": stats.frames,
        "coalesced": client.stats().coalesced,
        "events": client.stats().events,
        "reconnects": stats.reconnects,
        "online": sorted(client.presence.online),
        "told": sorted(told_online()),
        "faults": faults,
    }
    print(json.dumps(result), flush=True)
