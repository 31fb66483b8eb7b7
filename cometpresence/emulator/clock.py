"""The time the emulator tells its clients."""

import time
from typing import Literal

ClockKind = Literal["real", "manual"]

MANUAL_START = 1_700_000_000


class Clock:
    """Unix time: the machine's, or one that stands still until it is advanced."""

    def __init__(self, kind: ClockKind = "real") -> None:
        if kind not in ("real", "manual"):
            raise ValueError(f"clock must be 'real' or 'manual', not {kind!r}")
        self._manual: float | None = float(MANUAL_START) if kind == "manual" else None

    def now(self) -> float:
        return time.time() if self._manual is None else self._manual

    def seconds(self) -> int:
        """Whole seconds, the unit of every timestamp on the wire."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        if self._manual is None:
            raise RuntimeError("advance() needs Emulator(clock='manual')")
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._manual += seconds
