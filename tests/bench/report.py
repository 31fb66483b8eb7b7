"""What `make bench` measured: a table, what became of the targets, and a picture.

report.py            print them
report.py --readme   write them into README.md and cometpresence/docs/speed.svg
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from stage import BUILD, HERE

ROOT = HERE.parents[1]
RESULTS = BUILD / "results.jsonl"
SUMMARY = BUILD / "summary.json"
PICTURE = ROOT / "cometpresence" / "docs" / "speed.svg"
BEGIN, END = "<!-- written by `make bench-readme`: begin -->", "<!-- end -->"

NAMES = {
    "ours": "**cometpresence**, a function for each user",
    "ours-batch": "**cometpresence**, a function for a list of events",
    "node-ws": "Node `ws` + `JSON.parse`",
    "official-sdk": "the official SDK in Node",
    "websocketclient-json": "`websocket-client` + `json`",
    "floor-recv": "*floor:* `recv()` in C, counting",
    "floor-lws": "*floor:* libwebsockets in C, counting",
}
COLUMNS: list[tuple[str, str, str, Callable[[Sequence[float]], float], str]] = [
    ("CPU µs an event", "cpu", "cpu_us_per_event", min, ",.2f"),
    ("over TLS", "tls", "cpu_us_per_event", min, ",.2f"),
    ("events/s", "cpu", "events_per_s", max, ",.0f"),
    ("CPU µs at 5,000/s", "latency", "cpu_us_per_event", min, ",.0f"),
    ("p50 µs", "latency", "p50_us", min, ",.0f"),
    ("p99 µs", "latency", "p99_us", min, ",.0f"),
    ("busy thread: p99 µs", "busy", "p99_us", min, ",.0f"),
    ("50 µs listener: p50 µs", "slow", "p50_us", min, ",.0f"),
]


# ---- what was measured


def machine() -> dict[str, Any]:
    """Where it was measured."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return {
        "cores": os.cpu_count(),
        "processor": model[1] if model else platform.machine(),
        "system": system,
        "python": platform.python_version(),
        "node": version.stdout.strip().removeprefix("v"),
        "load": round(os.getloadavg()[0], 1),
        "date": date.today().isoformat(),
    }


class Measured:
    """The lines of a run."""

    def __init__(self, lines: Iterator[dict[str, Any]]) -> None:
        self.machine: dict[str, Any] = {}
        self._trials: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for line in lines:
            if line["part"] == "machine":
                self.machine = line
            else:
                self._trials.setdefault(line["part"], {}).setdefault(line["peer"], []).append(line)

    def peers(self) -> list[str]:
        """All who heard frames, in the order they were measured."""
        parts = [trials for part, trials in self._trials.items() if part in IN_TABLE]
        return list(dict.fromkeys(peer for trials in parts for peer in trials))

    def peers_of(self, part: str) -> list[str]:
        return list(self._trials.get(part, {}))

    def rounds(self) -> int:
        counts = [len(t) for part in self._trials.values() for t in part.values()]
        return max(counts, default=0)

    def failures(self) -> list[dict[str, Any]]:
        trials = [t for part in self._trials.values() for many in part.values() for t in many]
        return [trial for trial in trials if "error" in trial]

    def values(self, part: str, peer: str, column: str) -> list[float]:
        trials = self._trials.get(part, {}).get(peer, [])
        return [trial[column] for trial in trials if column in trial]

    def best(self, part: str, peer: str, column: str) -> float | None:
        return min(self.values(part, peer, column), default=None)

    def median(self, part: str, peer: str, column: str) -> float | None:
        values = self.values(part, peer, column)
        return statistics.median(values) if values else None

    def has(self, part: str, peer: str) -> bool:
        return peer in self._trials.get(part, {})


IN_TABLE = {part for _, part, *_ in COLUMNS}


def read() -> Measured:
    with RESULTS.open() as file:
        return Measured(json.loads(line) for line in file)


# ---- the table


def name_of(peer: str) -> str:
    return NAMES.get(peer, "`" + peer.replace("-", "` + `") + "`")


def cell(
    measured: Measured,
    peer: str,
    part: str,
    column: str,
    best: Callable[[Sequence[float]], float],
    form: str,
) -> str:
    values = measured.values(part, peer, column)
    if values:
        return f"{best(values):{form}} ({statistics.median(values):{form}})"
    return "failed" if measured.has(part, peer) else ""


def table(measured: Measured) -> str:
    lines = [
        "| best (median) | " + " | ".join(title for title, *_ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for peer in measured.peers():
        cells = [cell(measured, peer, *rest) for _, *rest in COLUMNS]
        lines.append(f"| {name_of(peer)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine_line(measured: Measured) -> str:
    it = measured.machine
    return (
        f"{it['cores']} cores ({it['processor']}), {it['system']}, Python {it['python']}, "
        f"Node {it['node']}; {it['date']}, load {it['load']} at the beginning, "
        f"{measured.rounds()} interleaved rounds"
    )


# ---- the targets


@dataclass
class Target:
    """What is wanted, and what was found; `is_met` None: not measured."""

    what: str
    wanted: str
    found: str = "not measured"
    is_met: bool | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.found} (wanted: {self.wanted})"

    def verdict(self) -> str:
        return {True: "met", False: "NOT MET", None: "open"}[self.is_met]


def fastest(measured: Measured, part: str, column: str, peers: Sequence[str]) -> str | None:
    found = {peer: measured.best(part, peer, column) for peer in peers}
    known = {peer: value for peer, value in found.items() if value is not None}
    return min(known, key=known.__getitem__) if known else None


def times_less(
    measured: Measured, what: str, part: str, column: str, peer: str | None, wanted: float
) -> Target:
    target = Target(what, f"{wanted:g} times")
    ours = measured.best(part, "ours", column)
    theirs = measured.best(part, peer, column) if peer else None
    if ours and theirs:
        target.found = f"{theirs / ours:.1f} times ({theirs:,.2f} / {ours:,.2f} µs, {peer})"
        target.is_met = theirs / ours >= wanted
    return target


def at_most(what: str, limit: float, unit: str, value: float | None) -> Target:
    target = Target(what, f"at most {limit:,g} {unit}".rstrip())
    if value is not None:
        target.found = f"{value:,.4g} {unit}".rstrip()
        target.is_met = value <= limit
    return target


def targets(measured: Measured) -> list[Target]:
    theirs = [peer for peer in measured.peers() if not peer.startswith(("ours", "floor"))]
    pythons = [peer for peer in theirs if peer not in ("node-ws", "official-sdk")]
    asyncio = [peer for peer in pythons if peer.startswith("websockets")]
    cpu = ("cpu", "cpu_us_per_event")
    best_python, best_late = (
        fastest(measured, *cpu, pythons),
        fastest(measured, "latency", "p50_us", theirs),
    )
    busy_late, busy_on_time = (
        measured.median("busy", "ours", "p99_us"),
        measured.median("busy", "ours", "on_time"),
    )
    on_time = Target("beside a busy Python thread, on time (< 20 ms)", "99 %")
    if busy_on_time is not None:
        on_time.found, on_time.is_met = f"{busy_on_time:.2%}", busy_on_time >= 0.99
    instructions = json.loads((HERE / "instructions.json").read_text())["instructions_per_event"]
    return [
        times_less(measured, "CPU against websockets + json", *cpu, "websockets-json", 10),
        times_less(measured, "CPU against aiohttp + msgspec", *cpu, "aiohttp-msgspec", 3),
        times_less(measured, "CPU against the fastest Python stack", *cpu, best_python, 2),
        times_less(measured, "CPU against Node ws + JSON.parse", *cpu, "node-ws", 4),
        at_most("instructions an event (`make bench-gate`)", 9000, "", instructions),
        times_less(
            measured, "p50 at 5,000/s against the best peer", "latency", "p50_us", best_late, 1
        ),
        times_less(
            measured,
            "p50 at 5,000/s against asyncio websockets",
            "latency",
            "p50_us",
            fastest(measured, "latency", "p50_us", asyncio),
            10,
        ),
        on_time,
        at_most(
            "beside a busy Python thread, p99 (median)",
            20,
            "ms",
            None if busy_late is None else busy_late / 1000,
        ),
        at_most(
            "memory of a tracked user", 320, "bytes", measured.best("memory", "ours", "bytes_each")
        ),
        at_most(
            "5,000 connections: pings late at p99",
            100,
            "ms",
            measured.best("crowd-5000", "ours", "ping_late_p99_ms"),
        ),
    ]


# ---- what is no column


def other_facts(measured: Measured) -> list[str]:
    """What has one figure, in words."""
    facts = []
    for part, words in (("crowd-1000", "1,000"), ("crowd-5000", "5,000")):
        seconds = measured.best(part, "ours", "seconds")
        if seconds is None:
            continue
        facts.append(
            f"{words} clients in one process are all synchronised after {seconds:.1f} s, "
            f"{measured.best(part, 'ours', 'bytes_each') / 1024:.0f} KiB each; their pings are "
            f"{measured.best(part, 'ours', 'ping_late_p99_ms'):.0f} ms late at p99; dropped all at "
            f"once, all are back after {measured.best(part, 'ours', 'storm_seconds'):.1f} s"
        )
    others = [
        f"{peer} {measured.best('crowd-1000', peer, 'seconds'):.1f} s and "
        f"{measured.best('crowd-1000', peer, 'bytes_each') / 1024:.0f} KiB each"
        for peer in measured.peers_of("crowd-1000")
        if peer != "ours" and measured.best("crowd-1000", peer, "seconds") is not None
    ]
    if others:
        facts.append(f"1,000 bare WebSockets, without login or list: {', '.join(others)}")
    if seconds := measured.best("sync", "ours", "seconds"):
        facts.append(f"100,000 online users are known {seconds:.1f} s after the login began")
    if late := measured.best("beside", "ours", "p99_us"):
        facts.append(
            "while a client beside it learns of 100,000 users, events of another come "
            f"{measured.best('beside', 'ours', 'p50_us'):,.0f} µs late at p50, "
            f"{late / 1000:.1f} ms at p99, {measured.best('beside', 'ours', 'most_us') / 1000:.1f} "
            "ms at most"
        )
    if size := measured.best("memory", "ours", "bytes_each"):
        facts.append(f"each of 1,000,000 tracked users takes {size:.0f} bytes")
    imports = [
        f"{peer} {ms:.0f} ms"
        for peer in measured.peers_of("import")
        if (ms := measured.best("import", peer, "ms")) is not None
    ]
    if imports:
        facts.append(f"importing takes: {', '.join(imports)}")
    return facts


def as_text(measured: Measured) -> str:
    lines = [machine_line(measured), "", table(measured), ""]
    lines += [f"- {fact}" for fact in other_facts(measured)]
    lines += ["", "Targets:"]
    lines += [f"- {target.verdict()}: {target}" for target in targets(measured)]
    if failures := measured.failures():
        lines += ["", f"{len(failures)} trials failed:"]
        lines += [f"- {f['part']}, {f['peer']}: {f['error'].strip()[-200:]}" for f in failures]
    return "\n".join(lines)


# ---- kept


def for_readme(measured: Measured) -> str:
    unmet = [target for target in targets(measured) if target.is_met is False]
    is_whole = measured.rounds() >= 7 and not measured.machine["quick"]
    kind = "" if is_whole else "Preliminary, of a short run. "
    lines = [
        "![CPU and lateness of an event, beside other clients](cometpresence/docs/speed.svg)",
        "",
        f"{kind}{machine_line(measured)}; reproduced by `make bench && make bench-readme`.",
        "",
        table(measured),
        "",
        *(f"- {fact}" for fact in other_facts(measured)),
        *(f"- target not met: {target}" for target in unmet),
    ]
    if failures := measured.failures():
        lines.append(f"- {len(failures)} trials failed and are not in these figures")
    return "\n".join(lines)


def write_readme(measured: Measured) -> None:
    readme = ROOT / "README.md"
    before, found, rest = readme.read_text().partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not (found and found_end):
        sys.exit(f"README.md has no place for this: {BEGIN} … {END}")
    readme.write_text(f"{before}{BEGIN}\n{for_readme(measured)}\n{END}{after}")


def summarise(measured: Measured) -> None:
    rows = {
        peer: {
            f"{part}.{column}": {"best": best(values), "median": statistics.median(values)}
            for _, part, column, best, _ in COLUMNS
            if (values := measured.values(part, peer, column))
        }
        for peer in measured.peers()
    }
    verdicts = [vars(target) for target in targets(measured)]
    facts = {"machine": measured.machine, "peers": rows, "targets": verdicts}
    SUMMARY.write_text(json.dumps(facts, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="keep them")
    options = parser.parse_args()
    measured = read()
    summarise(measured)
    if options.readme:
        from plot import draw

        draw(measured, PICTURE)
        write_readme(measured)
    else:
        print(as_text(measured))


if __name__ == "__main__":
    main()
