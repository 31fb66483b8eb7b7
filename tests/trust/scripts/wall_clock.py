"""The wall clock jumps by a day, to and fro, under a client (see wall_clock.c, preloaded).  The test
lets some pings pass, and then the script go on."""

import ctypes
import sys
import threading
import time
from ast import literal_eval

from cometpresence import PresenceClient

DAY = 86_400

shift_wall_clock = ctypes.CDLL(None).shift_wall_clock
shift_wall_clock.argtypes = [ctypes.c_long]
shift_wall_clock.restype = None

client = PresenceClient(**literal_eval(sys.argv[1]), ping_interval=0.1, ping_timeout=3.0)
with client:
    lost = threading.Event()
    client.on_disconnected(lambda _: lost.set())
    began = time.time()
    for days, name in ((0, "today"), (1, "tomorrow"), (-1, "yesterday"), (0, "today")):
        shift_wall_clock(days * DAY)
        assert abs(time.time() - began - days * DAY) < 60, "the clock did not jump"
        frames = client.stats().frames
        print(name, flush=True)
        sys.stdin.readline()
        client.resync()
        assert client.get_user("superhero1").uid == "superhero1"
        assert client.stats().frames - frames >= 2, "no pongs any more"
        rtt = client.stats().last_rtt
        assert rtt is not None
        assert 0 <= rtt < 1
    assert not lost.is_set()
    assert client.stats().reconnects == 0
    assert client.presence.generation == 1
