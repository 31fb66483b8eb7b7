"""cometpresence beside other clients: what an event costs, how late it comes, and how much fits.

    run.py [PARTS...] [--quick] [--rounds N] [--peers A,B]

Every round runs each peer once, in a process of its own; a trial that fails is told in the table
and loses nothing else.  Each result is a line of build/bench/results.jsonl as soon as it is there;
the table and what became of the targets are printed at the end, and again by report.py.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import report
from stage import BUILD, PeerError
from trials import PACED, SINGLES, hear_frames

STACKS = [
    *("picows-msgspec", "picows-orjson", "aiohttp-msgspec", "aiohttp-orjson"),
    *("websockets-msgspec", "websockets-orjson", "websockets-json", "websocketclient-json"),
]
PEERS = ["ours", "ours-batch", *STACKS, "node-ws", "official-sdk", "floor-recv", "floor-lws"]
EACH = [peer for peer in PEERS if peer != "ours-batch"]  # those that have a time for each event
RIVALS = ["ours", "picows-msgspec", "aiohttp-msgspec", "websockets-json"]
# Node has no threads that share its interpreter; floors have no listener, and TLS none to count.
PARTS = {
    "cpu": PEERS,
    "tls": [*PEERS[:4], "aiohttp-msgspec", "websockets-json", "node-ws", "official-sdk"],
    "latency": EACH,
    "busy": RIVALS,
    "slow": [*RIVALS, "node-ws", "official-sdk"],
}


class Run:
    """One run, as it writes itself down."""

    def __init__(self, file: TextIO, peers: list[str] | None) -> None:
        self._file = file
        self._peers = peers

    def write(self, **line: Any) -> None:
        print(json.dumps(line), file=self._file, flush=True)

    def rounds(
        self, part: str, peers: list[str], number: int, trial: Callable[[str], dict[str, Any]]
    ) -> None:
        began = time.monotonic()
        for round_ in range(number):
            for peer in peers:
                if self._peers and peer not in self._peers:
                    continue
                try:
                    facts = trial(peer)
                except PeerError as error:
                    facts = {"error": str(error)}
                    print(f"{part}, {peer}: {error}", file=sys.stderr)
                self.write(part=part, peer=peer, round=round_, **facts)
        print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr)


def make_certificate() -> list[Path]:
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    pem, key = BUILD / "chain.pem", BUILD / "key.pem"
    leaf.private_key_pem.write_to_path(key)
    # One file is both what the sender shows and what peers trust.
    pem.write_bytes(leaf.cert_chain_pems[0].bytes() + authority.cert_pem.bytes())
    return [pem, key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = [*PARTS, *SINGLES]
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--quick", action="store_true", help="two rounds of fewer events")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--peers", help="names, separated by commas")
    options = parser.parse_args()
    peers = options.peers.split(",") if options.peers else None
    known = {*parts, *PEERS, *(peer for single in SINGLES.values() for peer in single[0])}
    if unknown := {*options.parts, *(peers or [])} - known:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    rounds = options.rounds or (2 if options.quick else 7)
    certificate = make_certificate()
    with report.RESULTS.open("w") as file:
        run = Run(file, peers)
        run.write(part="machine", **report.machine(), quick=options.quick)
        for part in options.parts or parts:
            if part in PARTS:
                frames = (20_000 if options.quick else 100_000) // (10 if part in PACED else 1)
                run.rounds(
                    part,
                    PARTS[part],
                    rounds,
                    lambda peer, part=part, frames=frames: hear_frames(
                        part, peer, frames, certificate
                    ),
                )
            else:
                names, trial, most = SINGLES[part]
                run.rounds(part, names, min(most, rounds), trial)
    print(report.as_text(report.read()))


if __name__ == "__main__":
    main()
