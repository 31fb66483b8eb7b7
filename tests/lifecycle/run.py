"""How a process with a client ends, again and again: `python -m lifecycle.run --runs 1000`.

Each run is a process of its own, half of them over TLS.  What it says, its exit code and what it
complains of must be what the ending promises, the server must lose its socket, and it must not
take as long as a hang does.  How long the slowest took is told, not judged: the machine may be busy;
an interpreter that imports the same and has no client stands in the first row to be compared with.
The last rows are one process each, which makes client after client and may not grow.
"""

import argparse
import os
import queue
import signal
import statistics
import subprocess
import sys
import threading
import time
from ast import literal_eval
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cometpresence.emulator import Emulator

HERE = Path(__file__).parent
BOT = "superhero1"
HANG = 60.0  # seconds for all of a run, which is killed then: code -9
FEWEST_ROUNDS = 200
GROWTH_MAX = 2048  # KB, in the second half of all rounds

SCRIPTS = {"endings.py": "", "aio_endings.py": " (asyncio)"}
CHILD = ("child ended with 0", "generation 1")


@dataclass(frozen=True)
class Ending:
    """What a run does once it is ready, and what is promised of it."""

    name: str
    says: tuple[str, ...] = ()
    """Before it is ready."""
    sends: signal.Signals | None = None
    code: int = 0
    complaint: str = ""
    """The last line of what it complains of; else it is silent."""


ENDINGS = [
    Ending("exit_without_close"),
    Ending("exit_in_listener", says=("told SystemExit", "goes on with superhero2")),
    Ending("run_forever", sends=signal.SIGTERM, code=-signal.SIGTERM),
    Ending("wait", sends=signal.SIGINT, code=-signal.SIGINT, complaint="KeyboardInterrupt"),
    Ending("fork", says=CHILD),
    Ending("multiprocessing_fork", says=CHILD),
    Ending("multiprocessing_spawn", says=CHILD),
]


@dataclass
class Row:
    """Of the closing table."""

    title: str
    seconds: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: float | str) -> None:
        if isinstance(outcome, str):
            self.wrong[outcome] += 1
        else:
            self.seconds.append(outcome)

    def __str__(self) -> str:
        good, slowest = len(self.seconds), max(self.seconds, default=0.0)
        middle = statistics.median(self.seconds) if self.seconds else 0.0
        late = sum(took > 2 for took in self.seconds)
        runs = good + self.wrong.total()
        return f"{self.title:32} {runs:6} {good:6} {middle:9.3f} {slowest:9.3f} {late:9}"


HEADING = f"{'ending':32} {'runs':>6} {'good':>6} {'median s':>9} {'slowest':>9} {'over 2 s':>9}"


def run(ending: Ending, script: str, emulator: Emulator) -> float | str:
    """How many seconds it took to end, or what was wrong."""
    command = [sys.executable, HERE / script, ending.name, repr(emulator.client_args(BOT))]
    with subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        hang = threading.Timer(HANG, process.kill)
        hang.start()
        said = []
        assert process.stdout is not None
        while (line := process.stdout.readline().rstrip("\n")) not in ("ready", ""):
            said.append(line)
        if ending.sends is not None and line == "ready":
            process.send_signal(ending.sends)
        began = time.monotonic()
        _, complaint = process.communicate()
        took = time.monotonic() - began
        hang.cancel()
    last = complaint.rstrip("\n").rpartition("\n")[2]
    if (process.returncode, last) != (ending.code, ending.complaint):
        return f"code {process.returncode}: {complaint}"
    if (*said, line) != (*ending.says, "ready"):
        return f"it says {said}"
    try:
        emulator.wait_for(lambda entry: emulator.client_count == 0, timeout=HANG)
    except TimeoutError:
        return "its socket stays open"
    return took


def bare() -> float:
    """An interpreter that imports what the others do, told to end."""
    command = "import cometpresence, cometpresence.aio; print('ready', flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", command], text=True, stdout=subprocess.PIPE, cwd=HERE
    )
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    process.communicate()
    return time.monotonic() - began


def live(script: str, emulator: Emulator, rounds: int) -> str:
    """What one process held in the middle, and in the end."""
    arguments = repr(emulator.client_args(BOT) | {"rounds": rounds})
    lives = subprocess.run(
        [sys.executable, HERE / script, "lives", arguments], text=True, stdout=subprocess.PIPE
    )
    if lives.returncode:
        return f"FAILED  {script}: code {lives.returncode}"
    half, whole = (literal_eval(line) for line in lives.stdout.splitlines())
    # A network thread that is not quite gone when the next one begins leaves it no context of
    # lws to go on with: two descriptors and 600 KB more, from then on used in turn.
    good = (
        whole["descriptors"] <= half["descriptors"] + 4
        and whole["threads"] == half["threads"] == 1
        and whole["KB"] - half["KB"] < GROWTH_MAX
    )
    grown = ", ".join(f"{name} {half[name]} -> {whole[name]}" for name in half)
    return f"{'good' if good else 'FAILED'}  {script}: {rounds} connected and closed, {grown}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    # Who is started in the background may have been told to ignore it, and so would the children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as stack:
        emulators: queue.SimpleQueue[Emulator] = queue.SimpleQueue()
        for number in range(options.jobs):
            emulator = stack.enter_context(Emulator(tls=number % 2 == 1))
            emulator.set_online("superhero2")
            emulators.put(emulator)
        pool = stack.enter_context(ThreadPoolExecutor(options.jobs))

        def lend(ending: Ending, script: str) -> float | str:
            emulator = emulators.get()
            try:
                return run(ending, script, emulator)
            finally:
                emulators.put(emulator)

        print(HEADING, flush=True)
        rows = [Row("an interpreter without a client")]
        for took in pool.map(lambda _: bare(), range(min(options.runs, 50))):
            rows[0].add(took)
        print(rows[0], flush=True)
        for script, flavour in SCRIPTS.items():
            for ending in ENDINGS:
                rows.append(Row(ending.name + flavour))
                for outcome in pool.map(lend, [ending] * options.runs, [script] * options.runs):
                    rows[-1].add(outcome)
                print(rows[-1], flush=True)
        rounds = max(options.runs, FEWEST_ROUNDS)
        grown = [live(script, emulators.get(), rounds) for script in SCRIPTS]
    print(*grown, sep="\n")
    for row in rows:
        for wrong, times in row.wrong.items():
            print(f"{row.title}, {times} times: {wrong}")
    is_good = not any(row.wrong for row in rows) and all(each.startswith("good") for each in grown)
    print(f"lifecycle: {'all as promised' if is_good else 'FAILED'}")
    return not is_good


if __name__ == "__main__":
    sys.exit(main())
