"""What is to happen when, by the emulator's clock: for plays, schedules and faults alike."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from .clock import MICROSECONDS, Clock

_LONGEST_SLEEP = 60.0  # seconds; the machine's clock may be set meanwhile


class Agenda:
    """Actions, the next one first; those of one time in the order in which they were added.

    catch_up() does what is due.  While a real clock is followed, a timer calls it.  Used on the
    loop only.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, at: int, action: Callable[[], None]) -> None:
        """Have it done at that time, in microseconds; it may add others."""
        number = next(self._numbers)
        heapq.heappush(self._due, (at, number, action))
        if self._due[0][1] == number:
            self._set_timer()

    def clear(self) -> None:
        self._due.clear()
        self._set_timer()

    def catch_up(self, until: int | None = None) -> None:
        """Do what is due until then, by a manual clock each at its own time; None: until now."""
        if until is None:
            until = self._clock.micros()
        try:
            while self._due and self._due[0][0] <= until:
                at, _, action = heapq.heappop(self._due)
                self._clock.move_to(at)
                action()
        finally:
            self._set_timer()

    def follow_clock(self) -> None:
        """From now on, on this loop.  A manual clock moves by advance() alone."""
        if not self._clock.is_manual:
            self._loop = asyncio.get_running_loop()
            self._set_timer()

    def rest(self) -> None:
        """The emulator stops."""
        self._loop = None
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._loop is not None and self._due:
            wait = (self._due[0][0] - self._clock.micros()) / MICROSECONDS
            self._timer = self._loop.call_later(min(max(wait, 0), _LONGEST_SLEEP), self.catch_up)
