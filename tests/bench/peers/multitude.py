"""One client of very many users: how long until it knows who is online, and what a user weighs.

    multitude.py PORT [--frames N]

Says {"ready": true, "seconds": S} once it is synchronised, S after it began to log in; then hears
N frames, of as many users, and says {"users", "bytes_each"}.  Nobody listens: users are tracked.
"""

import argparse
import json
import time

from resident import resident_bytes

from cometpresence import PresenceClient, Resync

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--frames", type=int, default=0)
options = parser.parse_args()
client = PresenceClient(
    "app1",
    region="us",
    auth_token="bench_token",
    endpoint=f"http://127.0.0.1:{options.port}",
    connect_timeout=120.0,
    resync=Resync(audit_after=None),
    dispatch="none",
    queue_size=64,
)
begin = time.monotonic()
with client:
    ready = {
        "ready": True,
        "seconds": time.monotonic() - begin,
        "online": len(client.presence.online),
    }
    before, tracked = resident_bytes(), len(client.presence)
    frames = client.stats().frames
    print(json.dumps(ready), flush=True)
    while client.stats().frames < frames + options.frames:
        time.sleep(0.1)
    users = len(client.presence) - tracked
    if users:
        each = (resident_bytes() - before) / users
        print(json.dumps({"users": users, "bytes_each": each}), flush=True)
