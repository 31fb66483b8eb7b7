"""A client behind a network that never stays well: `python -m soak.run --hours 1`.

A cycle is chaos, then quiet and a look: memory, descriptors, threads, and whether the client's
picture of who is online is the emulator's.  A line of JSON a look goes to soak.jsonl, a picture
of them to soak.png.  The exit code is 1 when memory grows, something leaks or a state is wrong.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from soak.proxy import CALM, ChaosProxy, Weather
from soak.record import Look, complaints, settled, slope

from cometpresence.emulator import Emulator

USERS = 1000
MOVES = 5  # a step
STEP = 0.05  # seconds
SPELL = 1.5  # from one misfortune to the next, on average
QUIET = 1.0  # until what was under way has come
BOT, VISITOR = "bot", "visitor"


class Bot:
    """The client's process."""

    def __init__(self, *arguments: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("bot.py"), repr(arguments)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()
        if error is None and self._process.returncode:
            raise RuntimeError(f"the bot ended with {self._process.returncode}")

    def look(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Soak:
    """An emulator, a proxy before it and a bot behind that."""

    def __init__(self, emulator: Emulator, proxy: ChaosProxy, bot: Bot, seed: int) -> None:
        self._emulator, self._proxy, self._bot = emulator, proxy, bot
        self._random = random.Random(seed)
        self._uids = [f"u{n}" for n in range(USERS)]
        self._bag: list[str] = []
        self._began = time.monotonic()

    def cycle(self, seconds: float) -> Look:
        """So many seconds of chaos, then quiet and a look."""
        end = time.monotonic() + seconds
        next_spell = 0.0
        while (now := time.monotonic()) < end:
            self._emulator.move(self._random.sample(self._uids, MOVES))
            if now >= next_spell:
                self._strike()
                next_spell = now + self._random.uniform(0.2, 2 * SPELL)
            time.sleep(STEP)
        self._proxy.weather = CALM
        self._proxy.garble(0)
        time.sleep(QUIET)
        return self.look()

    def _strike(self) -> None:
        """Each misfortune once, in a random order, before any comes again."""
        if not self._bag:
            self._bag = ["fair", "delay", "throttle", "refuse", "reset", "close"]
            self._bag += ["garble", "half-open", "expire", "restart"]
            self._random.shuffle(self._bag)
        what, proxy = self._bag.pop(), self._proxy
        proxy.weather = CALM
        if what == "delay":
            proxy.weather = Weather(delay=self._random.uniform(0.02, 0.6))
        elif what == "throttle":
            proxy.weather = Weather(rate=self._random.uniform(2e3, 5e4))
        elif what == "refuse":
            proxy.weather = Weather(refuse=True)
        elif what in ("reset", "close"):
            proxy.cut(reset=what == "reset")
        elif what == "garble":
            proxy.garble(self._random.randrange(1, 4))
        elif what == "half-open":
            proxy.go_dead()
        elif what == "expire":
            self._emulator.expire_tokens()
        elif what == "restart":
            self._emulator.close_all(1012)

    def look(self) -> Look:
        """What there is now; once it is quiet, or before the first trouble."""
        seen = self._bot.look()
        truth = set(self._emulator.online) - {VISITOR}
        picture, told = set(seen["picture"]) - {VISITOR}, set(seen["told"]) - {VISITOR}
        return Look(
            hours=round((time.monotonic() - self._began) / 3600, 5),
            rss_mb=round(seen["rss_kb"] / 1024, 3),
            descriptors=seen["descriptors"],
            threads=seen["threads"],
            wrong=len((truth ^ picture) | (truth ^ told)),
            not_alternating=seen["not_alternating"],
            events=seen["events"],
            reconnects=seen["reconnects"],
            strikes=dict(self._proxy.strikes),
        )


def address_of(url: str) -> tuple[str, int]:
    """The host and port that it names."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def soak(hours: float, cycle: float, seed: int, lines: Path) -> list[Look]:
    """All of it; each look is in the file as soon as it is taken."""
    cast = [{"uid": f"u{n}"} for n in range(USERS)]
    looks: list[Look] = []
    with (
        Emulator(tls=True, users=[{"uid": BOT}, {"uid": VISITOR}, *cast], seed=seed) as emulator,
        ChaosProxy(*address_of(emulator.url), seed=seed) as proxy,
    ):
        through = {"endpoint": f"https://127.0.0.1:{proxy.port}"}
        arguments = [emulator.client_args(uid) | through for uid in (BOT, VISITOR)]
        with Bot(*arguments) as bot, lines.open("w", buffering=1) as file:

            def note(look: Look) -> None:
                looks.append(look)
                print(look.line(), file=file)

            run = Soak(emulator, proxy, bot, seed)
            end = time.monotonic() + hours * 3600
            note(run.look())  # the bot is there
            while time.monotonic() < end:
                note(run.cycle(cycle))
    return looks


def verdict(looks: list[Look]) -> str:
    """A line of it."""
    late, last = settled(looks), looks[-1]
    return (
        f"{last.hours:.2f} h, {len(looks)} looks, {last.events:,} events, "
        f"{last.reconnects:,} reconnects, {sum(last.strikes.values()):,} strikes: "
        f"{slope(late):+.2f} MB/h from {late[0].rss_mb:.1f} MB, {last.descriptors} descriptors, "
        f"{last.threads} threads, {sum(look.wrong for look in looks)} wrong final states"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--cycle", type=float, default=20.0, help="seconds of chaos to a look")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    looks = soak(options.hours, options.cycle, options.seed, options.out / "soak.jsonl")
    from soak.picture import draw

    draw(looks, options.out / "soak.png")
    print(verdict(looks))
    for complaint in (found := complaints(looks)):
        print(f"FAILED: {complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
