"""What a soak saw, look by look, and what to think of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

WARM_UP = 0.2  # of the looks: until then whatever is made once is being made
SLOPE_MAX = 1.0  # MB/h


@dataclass(frozen=True)
class Look:
    """One, in the quiet after some chaos."""

    hours: float
    """Since the beginning."""
    rss_mb: float
    descriptors: int
    threads: int
    wrong: int
    """Users whose final state in the picture, or as told to listeners, is not the server's."""
    not_alternating: int
    """Events so far that repeated what had been told."""
    events: int
    reconnects: int
    strikes: dict[str, int]
    """What the proxy did so far."""

    def line(self) -> str:
        """Itself in JSON."""
        return json.dumps(asdict(self))


def read(path: Path) -> list[Look]:
    """The looks of a file of lines."""
    return [Look(**json.loads(line)) for line in path.read_text().splitlines()]


def settled(looks: Sequence[Look]) -> Sequence[Look]:
    """Those after the warm-up."""
    return looks[int(len(looks) * WARM_UP) :]


def slope(looks: Sequence[Look]) -> float:
    """MB of memory an hour, by least squares."""
    times, sizes = [look.hours for look in looks], [look.rss_mb for look in looks]
    middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
    spread = sum((time - middle) ** 2 for time in times)
    leaning = sum((t - middle) * (s - mean) for t, s in zip(times, sizes, strict=True))
    return leaning / spread if spread else 0.0


def complaints(looks: Sequence[Look]) -> list[str]:
    """Why it is no good; empty: it is."""
    late = settled(looks)
    if len(late) < 2:
        return ["too few looks to judge by"]
    found = []
    if wrong := sum(look.wrong for look in looks):
        found.append(f"{wrong} wrong final states")
    if looks[-1].not_alternating:
        found.append(f"{looks[-1].not_alternating} events did not alternate")
    for what in ("descriptors", "threads"):
        # Fewer is no leak: a socket was lost that moment, and the next one is not there yet.
        numbers = sorted(getattr(look, what) for look in late)
        if numbers[-1] > (usual := numbers[len(numbers) // 2]):
            found.append(f"{what} grow from {usual} to {numbers[-1]}")
    if (growth := slope(late)) >= SLOPE_MAX:
        found.append(f"memory grows by {growth:.2f} MB/h")
    return found
