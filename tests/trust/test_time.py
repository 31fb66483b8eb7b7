"""What time does to a connection: a link that is down, and a wall clock that jumps."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from python.conftest import MakeClient
from python.inbox import Inbox
from trust.form import short_and_long

from cometpresence.emulator import Emulator

HERE = Path(__file__).parent


@pytest.mark.parametrize("seconds", short_and_long(5, 60, seconds=120))
def test_a_link_that_is_down_costs_no_cpu(
    make_client: MakeClient, seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the settings everybody has."""
    with Emulator(users=[{"uid": "alice"}]) as emulator:
        client = make_client(emulator)
        attempts, synced = Inbox(), Inbox()
        client.on_connecting(attempts)
        client.on_synced(synced)
        client.login()
        synced.wait_for(1)
        emulator.stop()
        attempts.wait_for(2)  # the link is down now
        begin, used = time.monotonic(), time.process_time()
        time.sleep(seconds)
        share = (time.process_time() - used) / (time.monotonic() - begin)
        tried = len(attempts.letters) - 1
    with capsys.disabled():
        print(f"\nlink down for {seconds} s: {share:.2%} CPU, {tried} attempts")
    assert share < 0.01
    assert tried > 0


def test_a_wall_clock_that_jumps_a_day_reconnects_nothing(tmp_path: Path) -> None:
    library = tmp_path / "wall_clock.so"
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, HERE / "wall_clock.c", "-ldl"], check=True
    )
    with Emulator(users=[{"uid": "alice"}]) as emulator:
        arguments = emulator.client_args("alice") | {"ping_interval": 0.1, "ping_timeout": 3.0}
        result = subprocess.run(
            [sys.executable, HERE / "scripts/wall_clock.py", repr(arguments)],
            env=os.environ | {"LD_PRELOAD": str(library)},
            timeout=60,
            text=True,
            capture_output=True,
        )
    assert (result.returncode, result.stdout) == (0, "good\n"), result.stderr
