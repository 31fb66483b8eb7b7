"""Servers that come back: restarted, stopped in the middle of everything, and asked by everybody
at once."""

import json
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import Inbox
from trust.core import SECOND, State
from trust.core_world import CoreWorld
from trust.diary import Diary
from trust.form import short_and_long

from cometpresence import PresenceClient, Reconnect
from cometpresence.emulator import Emulator

UIDS = [f"u{n}" for n in range(100)]
CAST = [{"uid": "alice"}, *({"uid": uid} for uid in UIDS)]
BACKOFF = 0.5
GRACE = 2.0


@pytest.mark.parametrize("restarts", short_and_long(5, 100, seconds=400))
def test_every_restart_is_survived_within_the_backoff_and_two_seconds(
    make_client: MakeClient, restarts: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    reconnect = Reconnect(base=0.1, cap=BACKOFF, floor=0.0, stable_after=0.05)
    slowest = 0.0
    with Emulator(users=CAST) as emulator:
        client = make_client(emulator, reconnect=reconnect)
        connected, synced, diary = Inbox(), Inbox(), Diary(client)
        client.on_connected(connected)
        client.on_synced(synced)
        client.login()
        synced.wait_for(1)
        for restart in range(1, restarts + 1):
            emulator.move(chance.sample(UIDS, 10))
            emulator.stop()
            emulator.move(chance.sample(UIDS, 10))  # nobody is told
            time.sleep(chance.uniform(0.0, 0.3))  # is how long it was away
            emulator.start()
            begin = time.monotonic()
            connected.wait_for(restart + 1)
            slowest = max(slowest, time.monotonic() - begin)
            synced.wait_for(restart + 1)
            truth = emulator.online
            assert set(client.presence.online) == truth
            diary.wait_until(lambda _, truth=truth: diary.online == truth)
        assert client.stats().reconnects == restarts
        assert diary.faults == []
    with capsys.disabled():
        print(f"\n{restarts} restarts: connected again within {slowest:.2f} s")
    assert slowest < BACKOFF + GRACE


# ---- a process that stops


class StoppedServer:
    """An emulator in a process that can be stopped."""

    def __init__(self, users: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cometpresence", "emulator", "--users", users],
            text=True,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.facts: dict[str, Any] = json.loads(self._process.stdout.readline())

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def client(self, **kw: Any) -> PresenceClient:
        known = {name: self.facts[name] for name in ("app_id", "region", "auth_key", "ca_file")}
        return PresenceClient(**known, uid="alice", endpoint=self.facts["url"], **kw)

    def set_online(self, uid: str) -> None:
        request = urllib.request.Request(
            f"{self.facts['url']}/_emulator/users/{uid}/status",
            data=b'{"status": "online"}',
            headers={"Authorization": f"Bearer {self.facts['admin_token']}"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def close(self) -> None:
        self.signal(signal.SIGCONT)
        self._process.terminate()
        self._process.communicate(timeout=10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoppedServer]:
    users = tmp_path / "users.json"
    users.write_text(json.dumps(CAST))
    server = StoppedServer(users)
    yield server
    server.close()


@pytest.mark.parametrize(
    ("interval", "patience"),
    [
        pytest.param(0.5, 0.4, id="short"),
        pytest.param(15.0, 3.0, id="long", marks=[pytest.mark.long, pytest.mark.timeout(90)]),
    ],
)
def test_a_server_that_stopped_is_noticed_by_its_pong(
    server: StoppedServer, interval: float, patience: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half open: the kernel still takes what we send, and nobody reads it."""
    with server.client(
        ping_interval=interval, ping_timeout=patience, reconnect=Reconnect(base=0.1, cap=0.5)
    ) as client:
        lost, synced, came = Inbox(), Inbox(), Inbox()
        client.on_disconnected(lost)
        client.on_synced(synced)
        client.on_user_online(came)
        server.signal(signal.SIGSTOP)
        begin = time.monotonic()
        [farewell] = lost.wait_for(1, interval + patience + GRACE)
        noticed = time.monotonic() - begin
        assert "pong" in farewell.reason
        server.signal(signal.SIGCONT)
        server.set_online("u1")
        synced.wait_for(1)
        came.wait_until(lambda _: "u1" in came.uids())
        assert client.presence.is_online("u1")
    with capsys.disabled():
        print(f"\nhalf open, {interval:g} + {patience:g} s: noticed after {noticed:.2f} s")
    assert noticed < interval + patience + 0.5


# ---- everybody at once

CLIENTS = 2000


@pytest.mark.parametrize(("refusals", "window"), [(0, 0.9), (3, 7.9)])
def test_two_thousand_clients_of_a_restarted_server_come_all_over_the_window(
    refusals: int, window: float
) -> None:
    """The core, on a virtual clock, at the settings everybody has; `window` is that of the attempt
    after so many refused ones: from 0.1 s to 2 to the power of their number."""
    arrivals = []
    for seed in range(CLIENTS):
        world = CoreWorld(seed, users=0)
        world.run_until(lambda world=world: world.core.is_synced)
        world.left["refuse_connections"] = refusals
        world.drop(1012)
        while world.struck["refuse_connections"] < refusals:
            world.run(SECOND // 20)
        while world.core.state is not State.WAITING:
            world.run(SECOND // 100)
        begin = world.now
        while world.core.state is State.WAITING:
            world.run(SECOND // 100)
        arrivals.append((world.now - begin) / SECOND)
        world.close()
    assert max(arrivals) - min(arrivals) >= 0.8 * window
    tenths = [0] * 10
    for arrival in arrivals:
        tenths[min(9, int((arrival - 0.1) / window * 10))] += 1
    assert min(tenths) > CLIENTS / 10 / 2
    assert max(tenths) < CLIENTS / 10 * 2
