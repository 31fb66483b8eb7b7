"""A client that is connected, and which signals its threads would take from Python's."""

import os
import signal
import sys
import threading
from ast import literal_eval
from pathlib import Path

from cometpresence import PresenceClient

ALL = (1 << 31) - 1 & ~(1 << signal.SIGKILL - 1 | 1 << signal.SIGSTOP - 1)  # that can be blocked


def blocked_by(task: str) -> int:
    status = Path(f"/proc/self/task/{task}/status").read_text()
    [mask] = [line for line in status.splitlines() if line.startswith("SigBlk:")]
    return int(mask.split()[1], 16) & ALL


with PresenceClient(**literal_eval(sys.argv[1])) as client:
    client.wait_synced(timeout=10)
    pythons = {str(thread.native_id) for thread in threading.enumerate()}
    ours = set(os.listdir("/proc/self/task")) - pythons
    print(f"{len(ours)} of ours", flush=True)
    print("that take signals:", [task for task in ours if blocked_by(task) != ALL], flush=True)
