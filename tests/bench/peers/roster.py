"""cometpresence, which hears of many users and is then asked about them.

Says what they take: in the system's account of the process (RSS) and in malloc's, and how long
a look at one of them lasts from Python.
"""

import argparse
import ctypes
import json
import random
import resource
import time
import timeit
from collections.abc import Callable
from pathlib import Path

from cometpresence import PresenceClient, Resync

LOOKS = 200_000


class Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keep".split()
    ]


def allocated() -> int:
    """What malloc() has given out: small pieces of its heap, and large ones of their own."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo2
    facts = mallinfo2()
    return int(facts.uordblks + facts.hblkhd)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def ns_of(look: Callable[[str], object], uids: list[str]) -> float:
    """CPU of one look at one of them, in an order no cache foresees; best of 5."""

    def look_at_all() -> None:
        for uid in uids:
            look(uid)

    return min(timeit.repeat(look_at_all, number=1, repeat=5, timer=time.thread_time)) / len(uids) * 1e9


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--users", type=int, required=True)
    options = parser.parse_args()
    uids = [f"user-{number:07}" for number in range(options.users)]
    uids = random.Random(1).choices(uids, k=LOOKS)
    client = PresenceClient(
        "app1",
        region="us",
        auth_token="bench_token",
        endpoint=f"http://127.0.0.1:{options.port}",
        resync=Resync(audit_after=None),
        dispatch="none",
    )
    with client:
        rss, heap = resident(), allocated()
        print(json.dumps({"ready": True}), flush=True)
        while len(client.presence) < options.users:
            time.sleep(0.05)
        facts = {
            "rss_per_user": (resident() - rss) / options.users,
            "malloc_per_user": (allocated() - heap) / options.users,
            "get_ns": ns_of(client.presence.get, uids),
            "is_online_ns": ns_of(client.presence.is_online, uids),
        }
    print(json.dumps({"users": options.users} | facts), flush=True)


if __name__ == "__main__":
    main()
