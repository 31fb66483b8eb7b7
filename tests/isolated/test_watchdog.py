"""A network thread that stops turning, made so by a poll() of our own that does not return."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <unistd.h>

volatile int stuck; /* the script's to set */

int poll(struct pollfd *all, nfds_t count, int timeout)
{
    int (*real)(struct pollfd *, nfds_t, int) = dlsym(RTLD_NEXT, "poll");
    int ready = real(all, count, timeout);

    while (stuck && count > 1) /* listeners poll their bell alone */
        usleep(10000);         /* what is tested: it does not turn */
    return ready;
}
"""

SCRIPT = """
import ctypes
from cometpresence import PresenceClient
from cometpresence.emulator import Emulator
from python.inbox import Inbox

stuck = ctypes.c_int.in_dll(ctypes.CDLL(None), "stuck")
errors, users = Inbox(), Inbox()
with Emulator() as emulator, PresenceClient(**emulator.client_args("superhero1")) as client:
    client.on_error(errors)
    client.on_user_online(users)
    stuck.value = 1
    error, where = errors.one()
    assert (error.code, where) == ("ERR_NETWORK_STALLED", "network thread"), (error, where)
    assert client.stats().stalls == 1
    stuck.value = 0
    emulator.set_online("superhero2")
    assert users.one().uid == "superhero2"
    assert client.stats().stalls == len(errors.letters) == 1
print("good")
"""


def test_a_network_thread_that_is_stuck_is_reported_once_and_may_come_back(tmp_path: Path) -> None:
    source, library = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(SHIM)
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": str(TESTS)},
        cwd=TESTS.parent,
        timeout=50,
        text=True,
        capture_output=True,
    )
    assert (result.returncode, result.stdout) == (0, "good\n"), result.stdout + result.stderr
