"""cometpresence: with a function for each user, or with --batch for a list of events.

The queue holds all that is sent: each frame is to become one event, as it does for the others,
and none to be folded into a later one of the same user while the sender is ahead.

With --held nothing is told until all has come.  The gate counts so: how the network thread and the
one that tells take turns, which under valgrind is a matter of chance, is then not in its figure.
"""

import threading
import time

from meter import Meter

from cometpresence import PresenceClient, Resync

meter = Meter("--batch", "--held")
expected = meter.warm + meter.frames
client = PresenceClient(
    "app1",
    region="us",
    auth_token="bench_token",
    endpoint=meter.url("http"),
    ca_file=meter.options.ca,
    queue_size=expected + 1,
    ping_interval=600,  # under valgrind a pong can take longer than the usual 3 s
    resync=Resync(audit_after=None),
    dispatch="none" if meter.options.held else "thread",
)
if meter.options.batch:
    client.on_presence_batch(meter.batch_listener())
else:
    heard = meter.listener()
    client.on_user_online(heard)
    client.on_user_offline(heard)
with client:
    before = client.stats().frames
    meter.ready()
    if not meter.options.held:
        threading.Event().wait()
    while client.stats().frames < before + expected:
        time.sleep(0.2)
    while client.drain():
        pass
