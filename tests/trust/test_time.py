"""What time does to a connection: a link that is down, and a wall clock that jumps."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from isolated.script import Script
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
        time.sleep(seconds)  # what it is measured over
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
    with (
        Emulator() as emulator,
        Script(HERE / "scripts/wall_clock", emulator, LD_PRELOAD=str(library)) as script,
    ):
        for now in ("today", "tomorrow", "yesterday", "today"):
            assert script.line() == now
            wait_for_pings(emulator, 3)
            script.go_on()
        assert script.end() == (0, "")


def wait_for_pings(emulator: Emulator, count: int) -> None:
    after = -1 if not emulator.journal else emulator.journal[-1]["n"]
    for _ in range(count):
        after = emulator.wait_for(lambda entry: entry.get("type") == "ping", after=after)["n"]
