"""A child outlives its parent, whose sockets it has inherited."""

import os
import sys
import warnings
from ast import literal_eval

from cometpresence import PresenceClient

client = PresenceClient(**literal_eval(sys.argv[1]))
client.login()
client.wait_synced(timeout=10)
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on: forking with threads
if os.fork() == 0:
    print("child lives", flush=True)
    sys.stdin.readline()
    print("child ends", flush=True)
    os._exit(0)
os._exit(0)  # no farewell: only the descriptors tell that it is gone
