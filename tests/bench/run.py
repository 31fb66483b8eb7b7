"""cometpresence beside other clients: what an event costs, and how late it comes.

    run.py [PARTS...] [--quick] [--rounds N] [--peers A,B]

The parts: cpu, tls, latency, busy, slow; all of them unless named.  Every round runs each peer
once, in a process of its own; a trial that fails is told in the table and loses nothing else.
Each result is a line of build/bench/results.jsonl as soon as it is there.
"""

import argparse
import json
import shutil
import statistics
import sys
from array import array
from collections import defaultdict
from pathlib import Path
from typing import Any

from stage import BUILD, HERE, PeerError, Process, Sender

STACKS = [
    *("picows-msgspec", "picows-orjson", "aiohttp-msgspec", "aiohttp-orjson"),
    *("websockets-msgspec", "websockets-orjson", "websockets-json", "websocketclient-json"),
]
PEERS = ["ours", "ours-batch", *STACKS, "node-ws"]
RESULTS = BUILD / "results.jsonl"
RATE = 5000
PATIENCE = 120.0
PARTS = {
    "cpu": "without a pause, plain",
    "tls": "without a pause, TLS",
    "latency": f"{RATE:,} events/s",
    "busy": f"{RATE:,} events/s, beside a busy Python thread",
    "slow": f"{RATE:,} events/s, a listener that takes 50 µs",
}
IS_PACED = {"latency", "busy", "slow"}


def command_of(peer: str) -> list[object]:
    if peer == "node-ws":
        return [shutil.which("node") or "node", HERE / "peers" / "node_ws.cjs"]
    if peer.startswith("ours"):
        flags = ["--batch"] if peer == "ours-batch" else []
        return [sys.executable, HERE / "peers" / "ours.py", *flags]
    return [BUILD / "venv" / "bin" / "python", HERE / "peers" / "strangers.py", "--stack", peer]


def can_take(part: str, peer: str) -> bool:
    """Node has no threads that share its interpreter; a list of events has no time for each."""
    return not (part == "busy" and peer == "node-ws") and not (
        part in IS_PACED and peer == "ours-batch"
    )


def trial(part: str, peer: str, frames: int, certificate: list[Path]) -> dict[str, Any]:
    warm = 2000
    sent, heard = BUILD / "stamps.sent", BUILD / "stamps.heard"
    flags: list[object] = ["--warm", warm, "--frames", frames]
    if part in IS_PACED:
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
            [*command_of(peer), sender.port, *flags], NODE_PATH=str(BUILD / "node_modules")
        ) as process,
    ):
        process.hear("ready", PATIENCE)
        sender.hear("open", PATIENCE)  # which a peer may know before the sender does
        rate = RATE if part in IS_PACED else 0
        sender.go(warm, rate)
        sender.hear("sent", PATIENCE)
        sender.go(frames, rate, sent if rate else "")
        facts = process.hear("events", PATIENCE)
        if rate:
            sender.hear("sent", PATIENCE)
            facts |= lateness(sent, heard)
    facts["cpu_us_per_event"] = facts.pop("cpu_us") / facts["events"]
    facts["events_per_s"] = facts["events"] / facts.pop("wall_s")
    return facts


def lateness(sent: Path, heard: Path) -> dict[str, float]:
    """From the moment before a frame is written to the one after the function did its work."""
    stamps = [array("q", path.read_bytes()) for path in (sent, heard)]
    late = sorted((end - start) / 1000 for start, end in zip(*stamps, strict=True))
    return {"p50_us": late[len(late) // 2], "p99_us": late[len(late) * 99 // 100]}


def make_certificate() -> list[Path]:
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    pem, key = BUILD / "chain.pem", BUILD / "key.pem"
    leaf.private_key_pem.write_to_path(key)
    # One file is both what the sender shows and what peers trust.
    pem.write_bytes(leaf.cert_chain_pems[0].bytes() + authority.cert_pem.bytes())
    return [pem, key]


def table(part: str, results: dict[str, list[dict[str, Any]]], failed: dict[str, int]) -> None:
    columns = ["cpu_us_per_event", "events_per_s"]
    if part in IS_PACED:
        columns = ["cpu_us_per_event", "p50_us", "p99_us"]
    print(f"\n{part}: {PARTS[part]}; best (median)\n")
    print("| peer | " + " | ".join(columns) + " | rounds |")
    print("|---" * (len(columns) + 2) + "|")
    for peer, facts in results.items():
        cells = []
        for column in columns:
            values = [fact[column] for fact in facts]
            best = max if column == "events_per_s" else min
            if values:
                cells.append(f"{best(values):,.4g} ({statistics.median(values):,.4g})")
            else:
                cells.append("failed")
        rounds = f"{len(facts)}" + (f", {failed[peer]} failed" if failed[peer] else "")
        print(f"| {peer} | " + " | ".join(cells) + f" | {rounds} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="two rounds of fewer events")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--peers", default=",".join(PEERS), help="names, separated by commas")
    options = parser.parse_args()
    if unknown := {*options.parts, *options.peers.split(",")} - {*PARTS, *PEERS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    rounds = options.rounds or (2 if options.quick else 7)
    certificate = make_certificate()
    with RESULTS.open("w") as file:
        for part in options.parts or PARTS:
            frames = (20_000 if options.quick else 100_000) // (5 if part in IS_PACED else 1)
            results: dict[str, list[dict[str, Any]]] = {}
            failed: dict[str, int] = defaultdict(int)
            for number in range(rounds):
                for peer in options.peers.split(","):
                    if not can_take(part, peer):
                        continue
                    kept = results.setdefault(peer, [])
                    try:
                        facts = trial(part, peer, frames, certificate)
                        kept.append(facts)
                    except PeerError as error:
                        facts = {"error": str(error)}
                        failed[peer] += 1
                    line = {"part": part, "peer": peer, "round": number} | facts
                    print(json.dumps(line), file=file, flush=True)
            table(part, results, failed)


if __name__ == "__main__":
    main()
