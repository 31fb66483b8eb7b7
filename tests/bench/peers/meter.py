"""What every Python peer measures, and in the same way.

A peer is a process: it connects, says {"ready": true}, hears `warm` events that are not counted
and `frames` that are, and says what the latter cost.  CPU is that of the whole process with all of
its threads, from the first counted event to the last.
"""

import argparse
import json
import os
import resource
import threading
import time
from array import array
from collections.abc import Callable
from typing import Any, NoReturn


def cpu_us() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def keep_busy() -> NoReturn:
    """The neighbour that never waits for anything."""
    number = 0
    while True:
        number = (number * 31 + 7) % 1_000_003


class Meter:
    """Reads the command line and makes the function that is called with each user."""

    def __init__(self, *flags: str, stack: bool = False, beside: bool = False) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("port", type=int)
        parser.add_argument("--warm", type=int, default=0, help="events before those that count")
        parser.add_argument("--frames", type=int, required=True, help="events that count")
        parser.add_argument("--ca", help="the sender's certificate: TLS")
        parser.add_argument("--stamps", help="file for the nanosecond at which each was heard")
        parser.add_argument("--busy", action="store_true", help="a busy Python thread beside")
        parser.add_argument("--slow-us", type=int, default=0, help="what the function takes")
        if stack:
            parser.add_argument("--stack", required=True, help="LIBRARY-DECODER")
        if beside:
            parser.add_argument("--beside", type=int, required=True, help="another sender's port")
        for flag in flags:
            parser.add_argument(flag, action="store_true")
        self.options = parser.parse_args()
        self.warm: int = self.options.warm
        self.frames: int = self.options.frames
        self._left = self.warm or self.frames
        self.began = threading.Event()  # to count

    def url(self, scheme: str) -> str:
        return f"{scheme}{'s' if self.options.ca else ''}://127.0.0.1:{self.options.port}"

    def ready(self) -> None:
        """Connected, and waiting for the first event."""
        if self.options.busy:
            threading.Thread(target=keep_busy, daemon=True).start()
        if not self.warm:
            self._begin()
        print(json.dumps({"ready": True}), flush=True)

    def listener(self) -> Callable[[Any], None]:
        """What is called with each user; it looks at two of the user's fields."""
        if self.options.stamps:
            return self._stamping_listener()
        left = self._left

        def heard(user: Any) -> None:
            nonlocal left
            _uid, _status = user.uid, user.status
            left -= 1
            if not left:
                left = self._turn()

        return heard

    def batch_listener(self) -> Callable[[list[Any]], None]:
        """The same for who is called with a list of events."""
        left = self._left

        def heard(events: list[Any]) -> None:
            nonlocal left
            for event in events:
                user = event.user
                _uid, _status = user.uid, user.status
            left -= len(events)
            while left <= 0:
                left += self._turn()

        return heard

    def _stamping_listener(self) -> Callable[[Any], None]:
        left = self._left
        place = -self.warm
        stamps = self._stamps = array("q", bytes(8 * self.frames))
        slow_ns = 1000 * self.options.slow_us
        now = time.monotonic_ns

        def heard(user: Any) -> None:
            nonlocal left, place
            _uid, _status = user.uid, user.status
            if slow_ns:
                end = now() + slow_ns
                while now() < end:
                    pass
            if place >= 0:
                stamps[place] = now()
            place += 1
            left -= 1
            if not left:
                left = self._turn()

        return heard

    def _begin(self) -> None:
        self.began.set()
        self._start = time.monotonic(), cpu_us()

    def _turn(self) -> int:
        """The last of the warm events, or of all, was heard; returns how many to wait for next."""
        if not self.began.is_set():
            self._begin()
            return self.frames
        wall, cpu = time.monotonic() - self._start[0], cpu_us() - self._start[1]
        self.end(events=self.frames, wall_s=wall, cpu_us=cpu)

    def end(self, **facts: Any) -> NoReturn:
        if self.options.stamps:
            with open(self.options.stamps, "wb") as file:
                self._stamps.tofile(file)
        print(json.dumps(facts), flush=True)
        os._exit(0)
