"""Runs until SIGTERM; with the argument "exits" that ends Python as sys.exit() does."""

import signal
import sys
from ast import literal_eval

from cometpresence import PresenceClient

if sys.argv[2] == "exits":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
client = PresenceClient(**literal_eval(sys.argv[1]))
client.login()
client.wait_synced(timeout=10)
print("connected", flush=True)
client.run_forever()
