"""Runs other programs while connected, in both of the ways there are."""

import os
import subprocess
import sys
import warnings
from ast import literal_eval

from cometpresence import PresenceClient

with PresenceClient(**literal_eval(sys.argv[1])) as client:
    client.on_user_online(print)
    subprocess.run([sys.executable, "-c", ""], check=True)
    warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on: forking with threads
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    report = client.resync(timeout=10)
    print("still connected, generation", report.generation, flush=True)
