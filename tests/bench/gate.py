"""Instructions per event of our whole path, from the socket to the listener, as callgrind counts.

    gate.py            compare with the committed figure; fails when it is more than 5 % above
    gate.py --record   write the figure to be committed
    gate.py --profile  show which functions they are spent in

Two processes hear 5,000 and 25,000 events; the difference, divided by 20,000, is what an event
takes, whatever starting took.  Each is run twice, and the lower count taken, since some starts do
more than others (compile a module, try a connection again).  All threads count; what the kernel does is not in it.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stage import BUILD, HERE, PeerError, Process, Sender

FEW, MANY = 5_000, 25_000
RECORD = HERE / "instructions.json"
MARGIN = 1.05
STRANGERS_MARGIN = 1.25  # where compiler or libraries are not those of the record
PATIENCE = 300.0


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def environment() -> dict[str, str]:
    """What the count depends on, besides our code."""
    versions = {
        name: output_of("pkg-config", "--modversion", name)
        for name in ("libwebsockets", "libcjson")
    }
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "libc": "-".join(platform.libc_ver()),
        "cc": output_of("cc", "-dumpfullversion"),
    } | versions


def hear_under_callgrind(frames: int, attempt: int) -> Path:
    """One process that hears so many events; where callgrind wrote what it counted."""
    out = BUILD / f"callgrind.{frames}.{attempt}"
    command = [
        *("valgrind", "--tool=callgrind", "--fair-sched=yes", f"--callgrind-out-file={out}"),
        *(sys.executable, HERE / "peers" / "ours.py", "--held"),
    ]
    with (
        Sender() as sender,
        Process([*command, sender.port, "--frames", frames], PYTHONHASHSEED="0") as peer,
    ):
        peer.hear("ready", PATIENCE)
        sender.go(frames)
        events = peer.hear("events", PATIENCE)["events"]
        if events != frames:
            raise PeerError(f"{events} events of {frames} frames")
        peer.end(PATIENCE)
    return out


def count_both() -> tuple[Path, Path]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        outs = list(pool.map(hear_under_callgrind, (FEW, MANY, FEW, MANY), (1, 1, 2, 2)))
    return min(outs[0::2], key=total_of), min(outs[1::2], key=total_of)


def total_of(out: Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if not found:
        raise PeerError(f"callgrind wrote no total to {out}")
    return int(found[1])


def per_event(few: Path, many: Path) -> int:
    return round((total_of(many) - total_of(few)) / (MANY - FEW))


# ---- what is done with the figure


def gate(figure: int) -> bool:
    record = json.loads(RECORD.read_text())
    here = environment()
    is_same = here == record["environment"]
    margin = MARGIN if is_same else STRANGERS_MARGIN
    committed = record["instructions_per_event"]
    is_good = figure <= committed * margin
    print(
        f"{figure:,} instructions per event; committed: {committed:,} "
        f"({figure / committed - 1:+.1%}, limit {margin - 1:+.0%})"
    )
    if not is_same:
        print(f"recorded with {record['environment']}, counted with {here}: hence the wide limit")
    if not is_good:
        print("too many; `make bench-profile` shows where, `make bench-record` accepts them")
    elif figure < committed / MARGIN and is_same:
        print("fewer; `make bench-record` keeps it so")
    return is_good


def record(figure: int) -> None:
    facts = {"instructions_per_event": figure, "environment": environment()}
    RECORD.write_text(json.dumps(facts, indent=2) + "\n")
    print(f"{figure:,} instructions per event, written to {RECORD.relative_to(Path.cwd())}")


def functions_of(out: Path) -> Counter[str]:
    """Instructions of each function, with what was inlined into it, without those it calls."""
    listing = output_of(
        *("callgrind_annotate", "--threshold=100", "--show-percs=no", "--tree=none", "--auto=no"),
        str(out),
    )
    counted: Counter[str] = Counter()
    for line in listing.splitlines():
        # What was inlined from another file stands in a line of its own, without the library.
        if found := re.fullmatch(r" *([\d,]+)  *\S*:([^\s:]+)(?: \[.*\])?", line):
            function = re.sub(r"^0x\w+|'\d+$", lambda part: "?" * (part[0][0] == "0"), found[2])
            counted[function] += int(found[1].replace(",", ""))
    return counted


def profile(few: Path, many: Path, lines: int) -> None:
    events = MANY - FEW
    spent = functions_of(many)
    spent.subtract(functions_of(few))
    total = sum(spent.values())
    print("instructions per event   share   function")
    for name, count in spent.most_common(lines):
        print(f"{count / events:22,.1f}  {count / total:6.1%}   {name}")
    print(f"{total / events:22,.1f}  100.0%   everything")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--lines", type=int, default=40, help="of the profile")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    few, many = count_both()
    if options.profile:
        profile(few, many, options.lines)
    elif options.record:
        record(per_event(few, many))
    else:
        return 0 if gate(per_event(few, many)) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
