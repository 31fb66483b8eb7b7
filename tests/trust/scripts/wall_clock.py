"""The wall clock jumps by a day, to and fro, under a client (see wall_clock.c, preloaded)."""

import ctypes
import sys
import threading
import time
from ast import literal_eval

from cometpresence import PresenceClient

DAY = 86_400
PINGS = 3
PATIENCE = 10.0

shift_wall_clock = ctypes.CDLL(None).shift_wall_clock
shift_wall_clock.argtypes = [ctypes.c_long]
shift_wall_clock.restype = None


def wait_for_pings(client: PresenceClient, count: int) -> None:
    """Each pong is a frame, and nothing else comes."""
    before = client.stats().frames
    deadline = time.monotonic() + PATIENCE
    while client.stats().frames < before + count:
        assert time.monotonic() < deadline, "no pongs any more"
        time.sleep(0.01)


with PresenceClient(**literal_eval(sys.argv[1])) as client:
    lost = threading.Event()
    client.on_disconnected(lambda _: lost.set())
    wait_for_pings(client, PINGS)
    began = time.time()
    for days in (1, -1, 0):
        shift_wall_clock(days * DAY)
        assert abs(time.time() - began - days * DAY) < 60, "the clock did not jump"
        wait_for_pings(client, PINGS)
        client.resync()
        assert client.get_user("alice").uid == "alice"
        rtt = client.stats().last_rtt
        assert rtt is not None
        assert 0 <= rtt < 1
    assert not lost.is_set()
    assert client.stats().reconnects == 0
    assert client.presence.generation == 1
print("good")
