"""The trials: a sender and a peer, or none, and what came of it.  Each may raise PeerError."""

import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stage import BUILD, HERE, PeerError, Process, Sender, node

PATIENCE = 120.0
RATE = 5000
WARM = 2000
PACED = {"latency", "busy", "slow"}
ON_TIME_US = 20_000
THEIR_PYTHON = BUILD / "venv" / "bin" / "python"

Facts = dict[str, Any]


# ---- frames: what an event costs, and how late it comes


def command_of(peer: str) -> list[object]:
    if peer.startswith("floor"):
        return [BUILD / peer.replace("-", "_")]
    if peer in ("node-ws", "official-sdk"):
        return [node(), HERE / "peers" / f"{peer.replace('-', '_')}.cjs"]
    if peer.startswith("ours"):
        flags = ["--batch"] if peer == "ours-batch" else []
        return [sys.executable, HERE / "peers" / "ours.py", *flags]
    return [THEIR_PYTHON, HERE / "peers" / "strangers.py", "--stack", peer]


def hear_frames(part: str, peer: str, frames: int, certificate: list[Path]) -> Facts:
    sent, heard = BUILD / "stamps.sent", BUILD / "stamps.heard"
    rate = RATE if part in PACED else 0
    flags: list[object] = ["--warm", WARM, "--frames", frames]
    if rate:
        flags += ["--stamps", heard]
    if part == "tls":
        flags += ["--ca", certificate[0]]
    if part == "busy":
        flags += ["--busy"]
    if part == "slow":
        flags += ["--slow-us", 50]
    with (
        Sender(*(["--tls", *certificate] if part == "tls" else [])) as sender,
        Process(
            [*command_of(peer), sender.port, *flags],
            NODE_PATH=str(BUILD / "node_modules"),
            NODE_EXTRA_CA_CERTS=str(certificate[0]),
        ) as process,
    ):
        process.hear("ready", PATIENCE)
        sender.hear("open", PATIENCE)  # which a peer may know before the sender does
        sender.go(WARM, rate)
        sender.hear("sent", PATIENCE)
        sender.go(frames, rate, sent if rate else "")
        facts = process.hear("events", PATIENCE)
        if rate:
            sender.hear("sent", PATIENCE)
            facts |= lateness(sent, heard)
    facts["cpu_us_per_event"] = facts.pop("cpu_us") / facts["events"]
    facts["events_per_s"] = facts["events"] / facts.pop("wall_s")
    return facts


def lateness(sent: Path, heard: Path) -> Facts:
    """From the moment before a frame is written to the one after the function did its work."""
    stamps = [array("q", path.read_bytes()) for path in (sent, heard)]
    late = sorted((end - start) / 1000 for start, end in zip(*stamps, strict=True))
    return {
        "p50_us": late[len(late) // 2],
        "p99_us": late[len(late) * 99 // 100],
        "most_us": late[-1],
        "on_time": sum(us < ON_TIME_US for us in late) / len(late),
    }


# ---- many connections in one process


def crowd(peer: str, clients: int) -> Facts:
    """All connect at once; ours synchronise, ping for a while, are all dropped, and come back."""
    command: list[object] = [sys.executable, HERE / "peers" / "crowd.py"]
    if peer != "ours":
        command = [THEIR_PYTHON, HERE / "peers" / "crowd_of_strangers.py", "--library", peer]
    with Sender() as sender, Process([*command, sender.port, "--clients", clients]) as process:
        process.hear("ready", PATIENCE)
        process.tell("enter")
        facts = process.hear("clients", PATIENCE)
        if peer == "ours":
            facts |= pings_and_storm(sender, process)
    return facts


def pings_and_storm(sender: Sender, process: Process) -> Facts:
    interval, listen = 15.0, 32.0  # seconds; each pings twice
    sender.tell("pings")
    sender.hear("pings", PATIENCE)  # those while it was being connected
    time.sleep(listen)
    sender.tell("pings")
    pings = sender.hear("pings", PATIENCE)
    process.tell("await")
    sender.tell("drop")
    sender.hear("dropped", PATIENCE)
    back = process.hear("back", PATIENCE)
    return {
        "pings": pings["pings"],
        "ping_late_p99_ms": pings["p99_ms"] - 1000 * interval,
        "ping_late_most_ms": pings["most_ms"] - 1000 * interval,
        "storm_seconds": back["seconds"],
    }


# ---- many users of one client


def synchronise(users: int) -> Facts:
    with (
        Sender("--listed", users) as sender,
        Process([sys.executable, HERE / "peers" / "multitude.py", sender.port]) as process,
    ):
        ready = process.hear("ready", PATIENCE)
        if ready["online"] != users:
            raise PeerError(f"{ready['online']} users online of {users}")
        return {"users": users, "seconds": ready["seconds"]}


def remember(users: int) -> Facts:
    command = [sys.executable, HERE / "peers" / "multitude.py"]
    with (
        Sender("--users", users) as sender,
        Process([*command, sender.port, "--frames", users]) as process,
    ):
        process.hear("ready", PATIENCE)
        sender.hear("open", PATIENCE)
        sender.go(users)
        facts = process.hear("users", PATIENCE)
        if facts["users"] != users:
            raise PeerError(f"{facts['users']} users tracked of {users}")
        return facts


def hear_beside(users: int) -> Facts:
    """How late events of one client come while another one of the process learns of all these."""
    sent, heard = BUILD / "stamps.sent", BUILD / "stamps.heard"
    frames = 4 * RATE
    command: list[object] = [sys.executable, HERE / "peers" / "beside.py"]
    with Sender() as sender, Sender("--listed", users) as other:
        command += [sender.port, "--beside", other.port, "--warm", WARM, "--frames", frames]
        with Process([*command, "--stamps", heard]) as process:
            process.hear("ready", PATIENCE)
            sender.hear("open", PATIENCE)
            sender.go(WARM, RATE)
            sender.hear("sent", PATIENCE)
            sender.go(frames, RATE, sent)
            facts = process.hear("seconds", PATIENCE)
            if facts["online"] != users:
                raise PeerError(f"{facts['online']} users online of {users}")
            process.hear("events", PATIENCE)
            sender.hear("sent", PATIENCE)
    return {"users": users, "seconds": facts["seconds"]} | lateness(sent, heard)


# ---- starting


def importing(peer: str) -> Facts:
    """What the import alone takes, beyond starting Python."""
    python = sys.executable if peer == "cometpresence" else THEIR_PYTHON

    def run(statement: str) -> float:
        begin = time.perf_counter()
        done = subprocess.run([python, "-c", statement], capture_output=True, text=True)
        if done.returncode:
            raise PeerError(done.stderr[-500:])
        return time.perf_counter() - begin

    return {"ms": 1000 * (run(f"import {peer}") - run("pass"))}


# ---- what is not repeated for each stack: the peers, their trial, and how often it is done

Single = tuple[list[str], Callable[[str], Facts], int]

SINGLES: dict[str, Single] = {
    "crowd-1000": (
        ["ours", "picows", "aiohttp", "websockets"],
        lambda peer: crowd(peer, 1000),
        1,
    ),
    "crowd-5000": (["ours"], lambda peer: crowd(peer, 5000), 1),
    "sync": (["ours"], lambda _: synchronise(100_000), 3),
    "beside": (["ours"], lambda _: hear_beside(100_000), 3),
    "memory": (["ours"], lambda _: remember(1_000_000), 1),
    "import": (["cometpresence", "picows", "aiohttp", "websockets"], importing, 7),
}
