"""The time the emulator tells its clients."""

import time
from typing import Literal

ClockKind = Literal["real", "manual"]

MANUAL_START = 1_700_000_000
MICROSECONDS = 1_000_000


class Clock:
    """Unix time: the machine's, or one that stands still until it is advanced."""

    def __init__(self, kind: ClockKind = "real") -> None:
        if kind not in ("real", "manual"):
            raise ValueError(f"clock must be 'real' or 'manual', not {kind!r}")
        self.is_manual: bool = kind == "manual"
        self.elapsed = 0  # microseconds of the manual clock, whole ones: ten times 0.1 s is 1 s

    def now(self) -> float:
        return MANUAL_START + self.elapsed / MICROSECONDS if self.is_manual else time.time()

    def seconds(self) -> int:
        """Whole seconds, the unit of every timestamp on the wire."""
        return int(self.now())
