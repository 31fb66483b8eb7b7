"""The time the emulator tells its clients."""

import time
from typing import Literal

ClockKind = Literal["real", "manual"]

MICROSECONDS = 1_000_000
MANUAL_START = 1_700_000_000 * MICROSECONDS


class Clock:
    """Unix time: the machine's, or one that stands still until it is moved.

    `start`, in microseconds, is what it shows first, and after restart().  Whole ones: ten times
    0.1 s is 1 s.
    """

    def __init__(self, kind: ClockKind = "real", start: int | None = None) -> None:
        if kind not in ("real", "manual"):
            raise ValueError(f"clock must be 'real' or 'manual', not {kind!r}")
        self.is_manual: bool = kind == "manual"
        self._start = start
        self.restart()

    def restart(self) -> None:
        self._shown = MANUAL_START if self._start is None else self._start  # of the manual one
        self._ahead = 0 if self._start is None else self._start - _machine_time()  # of the real one

    def move_to(self, micros: int) -> None:
        """Of the manual one; forwards only."""
        self._shown = max(self._shown, micros)

    def micros(self) -> int:
        return self._shown if self.is_manual else _machine_time() + self._ahead

    def now(self) -> float:
        return self.micros() / MICROSECONDS

    def seconds(self) -> int:
        """Whole seconds, the unit of every timestamp on the wire."""
        return self.micros() // MICROSECONDS


def _machine_time() -> int:
    return time.time_ns() // 1000
