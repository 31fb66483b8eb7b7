"""cometpresence, which hears of many users and is then asked about them."""

import argparse
import json
import random
import time
import timeit
from collections.abc import Callable

from cometpresence import PresenceClient, Resync

LOOKS = 200_000


def ns_of(look: Callable[[str], object], uids: list[str]) -> float:
    """CPU of one look at one of them, in an order no cache foresees; best of 5."""

    def look_at_all() -> None:
        for uid in uids:
            look(uid)

    return (
        min(timeit.repeat(look_at_all, number=1, repeat=5, timer=time.thread_time))
        / len(uids)
        * 1e9
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--users", type=int, required=True)
    options = parser.parse_args()
    everybody = [f"user-{number:07}" for number in range(options.users)]
    uids = random.Random(1).choices(everybody, k=LOOKS)
    client = PresenceClient(
        "app1",
        region="us",
        auth_token="bench_token",
        endpoint=f"http://127.0.0.1:{options.port}",
        resync=Resync(audit_after=None),
        dispatch="none",
    )
    with client:
        print(json.dumps({"ready": True}), flush=True)
        while len(client.presence) < options.users:
            time.sleep(0.05)
        facts = {
            "get_ns": ns_of(client.presence.get, uids),
            "is_online_ns": ns_of(client.presence.is_online, uids),
            "dict_ns": ns_of(dict(zip(everybody, everybody, strict=True)).get, uids),
        }
    print(json.dumps({"users": options.users} | facts), flush=True)


if __name__ == "__main__":
    main()
