"""A listener that sleeps under more events than anybody could keep."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cometpresence.emulator import Emulator

BOT = "bot"
USERS = 10_000
BATCH = 250
MEMORY = 32 * 1024  # KB
PING_INTERVAL, PING_TIMEOUT = 1.0, 1.0
SLEEPER = Path(__file__).parent / "scripts/sleeper.py"


class Pulse:
    """When the emulator sent pongs.  Presence goes unjournaled: a million entries are too many."""

    def __init__(self, emulator: Emulator) -> None:
        self.beats: list[float] = []
        self._write = emulator._world.journal.write
        emulator._world.journal.write = self  # type: ignore[method-assign]

    def __call__(self, dir: Any, kind: Any, **facts: Any) -> None:
        if facts.get("type") == "pong":
            self.beats.append(time.monotonic())
        if facts.get("type") != "presence" and "user_o" not in str(facts.get("event")):
            self._write(dir, kind, **facts)

    def longest_gap(self) -> float:
        return max(after - before for before, after in pairwise(self.beats))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    users = [{"uid": f"u{n}", "name": f"User {n}", "role": "student"} for n in range(USERS)]
    with Emulator(users=[{"uid": BOT}, *users]) as emulator:
        yield emulator


def pour(emulator: Emulator, events: int, seconds: float) -> None:
    """So many changes, evenly over the time there is; late rather than never."""
    chance = random.Random(1)
    uids = [f"u{n}" for n in range(USERS)]
    begin = time.monotonic()
    for done in range(0, events, BATCH):
        emulator.move(chance.sample(uids, BATCH))
        # The pace, and what the listener sleeps through.
        time.sleep(max(0.0, begin + seconds * done / events - time.monotonic()))


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        pytest.param(50_000, 8.0, id="short"),
        pytest.param(
            1_000_000, 120.0, id="long", marks=[pytest.mark.long, pytest.mark.timeout(400)]
        ),
    ],
)
def test_sleeping_listener_costs_neither_memory_nor_truth(
    emulator: Emulator, events: int, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    pulse = Pulse(emulator)
    arguments = emulator.client_args(BOT)
    arguments |= {"ping_interval": PING_INTERVAL, "ping_timeout": PING_TIMEOUT}
    with subprocess.Popen(
        [sys.executable, SLEEPER, repr(arguments)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as sleeper:
        try:
            assert sleeper.stdout is not None
            assert sleeper.stdout.readline() == "asleep\n"
            begin = time.monotonic()
            pour(emulator, events, seconds)
            took = time.monotonic() - begin
            seen = json.loads(sleeper.communicate("wake up\n", timeout=60)[0])
        finally:
            sleeper.kill()
    with capsys.disabled():
        print(
            f"\n{events} changes of {USERS} users in {took:.0f} s of sleep: "
            f"{seen['grown_by'] / 1024:.1f} MiB more, {seen['coalesced']} coalesced, "
            f"{seen['events']} events, {len(pulse.beats)} pongs, "
            f"at most {pulse.longest_gap():.2f} s apart"
        )
    assert seen["grown_by"] < MEMORY
    assert seen["reconnects"] == 0
    assert len(pulse.beats) >= took / (PING_INTERVAL + PING_TIMEOUT)
    assert pulse.longest_gap() < PING_INTERVAL + PING_TIMEOUT
    assert seen["coalesced"] > 0
    assert seen["faults"] == []
    assert set(seen["online"]) == emulator.online | {BOT} == set(seen["told"])
