"""A client that hears frames while another one of the same process learns of very many users.

Like ours.py, with the port of the other one's sender besides; says {"seconds": S} when that one is
synchronised, which began with the first event that counts.
"""

import json
import threading
import time
from typing import Any

from meter import Meter

from cometpresence import PresenceClient, Resync

meter = Meter(beside=True)
options: dict[str, Any] = {
    "region": "us",
    "auth_token": "bench_token",
    "connect_timeout": 120.0,
    "resync": Resync(audit_after=None),
}
client = PresenceClient(
    "app1", endpoint=meter.url("http"), queue_size=meter.warm + meter.frames, **options
)
other = PresenceClient(
    "app1",
    endpoint=f"http://127.0.0.1:{meter.options.beside}",
    dispatch="none",
    queue_size=64,
    **options,
)


def synchronise() -> None:
    meter.began.wait()
    begin = time.monotonic()
    with other:
        facts = {"seconds": time.monotonic() - begin, "online": len(other.presence.online)}
        print(json.dumps(facts), flush=True)


heard = meter.listener()
client.on_user_online(heard)
client.on_user_offline(heard)
threading.Thread(target=synchronise, daemon=True).start()
with client:
    meter.ready()
    threading.Event().wait()
