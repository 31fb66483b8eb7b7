"""Many clients on one emulator: how fast they are all told, and what each costs.  `make load`.

    python run.py 5000 2000        plain and TLS clients

The emulator is here, the clients are in a process of their own (clients.py).  Linux only: memory
is what /proc says.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cometpresence.emulator import Emulator

BROADCASTS = 3
LIMIT = 1.0  # seconds for all clients to be told
CROWD = [{"uid": f"user{n}", "name": f"User {n}"} for n in range(1000)]
LARGE = [{**user, "metadata": {"filling": "x" * 2000}} for user in CROWD]  # fills buffers soon
SLOW, QUICK = 2, 3
PATIENCE = 120.0


class Clients:
    """They connect, say when they have, and answer each broadcast with the time it took."""

    def __init__(self, emulator: Emulator, *arguments: object) -> None:
        watcher = emulator.client_args("watcher")
        facts = {**watcher, "token": emulator.auth_token("watcher")}
        command = [sys.executable, Path(__file__).with_name("clients.py"), json.dumps(facts)]
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the clients ended with {self._process.wait()}")
        return json.loads(line)

    def ready(self) -> None:
        """They are to note the time of the next news."""
        assert self._process.stdin
        print(file=self._process.stdin, flush=True)
        assert self.hear() == "ready"

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def resident() -> int:
    """Bytes of memory that this process has."""
    [line] = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line
    ]
    return int(line.split()[1]) * 1024


def measure(count: int, *, tls: bool) -> float:
    """One row of the table; the slowest broadcast's seconds."""
    users = [*CROWD, {"uid": "watcher"}]
    with Emulator(users=users, tls=tls) as emulator:
        before, began = resident(), time.monotonic()
        clients = Clients(emulator, count)
        connected = clients.hear()
        emulator.wait_for_client(count=count, timeout=PATIENCE)
        took = time.monotonic() - began
        each = (resident() - before) / count
        times = []
        for _ in range(BROADCASTS):
            clients.ready()
            told = time.monotonic()  # the clock of every process
            emulator.move(["user1"])
            times.append(clients.hear() - told)
        assert connected == count
        clients.end()
    shown = ", ".join(f"{1000 * seconds:.0f}" for seconds in times)
    kind = "TLS" if tls else "plain"
    print(
        f"{count:>7}  {kind:6}{took:>12.2f} s  {shown:>18} ms{each / 1024:>17.1f} KiB", flush=True
    )
    return max(times)


def measure_slow() -> None:
    """Some read nothing while a thousand users move and move: what becomes of them, and of others."""
    with Emulator(users=[*LARGE, {"uid": "watcher"}]) as emulator:
        clients = Clients(emulator, QUICK, SLOW)
        clients.hear()
        emulator.wait_for_client(count=QUICK + SLOW, timeout=PATIENCE)
        began, moves = time.monotonic(), 0
        while emulator.client_count > QUICK and time.monotonic() < began + PATIENCE:
            emulator.move(user["uid"] for user in LARGE)
            moves += len(LARGE)
            time.sleep(1.0)
        took = time.monotonic() - began
        dropped = [entry for entry in emulator.journal if entry.get("event") == "slow_reader"]
        print(
            f"{len(dropped)} of {SLOW} that read nothing were dropped, after {took:.1f} s and "
            f"{moves:,} moves; {emulator.client_count} of {QUICK} others stayed"
        )
        assert (len(dropped), emulator.client_count) == (SLOW, QUICK)
        clients.end()


def main() -> None:
    plain, tls = map(int, sys.argv[1:])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < max(plain, tls) + 100:
        raise SystemExit(f"{hard} open files are allowed, too few for {max(plain, tls)} clients")
    print("clients        all connected          all told, each        server memory for each")
    slowest = max(measure(plain, tls=False), measure(tls, tls=True))
    measure_slow()
    if slowest > LIMIT:
        raise SystemExit(f"a broadcast took {slowest:.2f} s, more than {LIMIT:.0f} s")


if __name__ == "__main__":
    main()
