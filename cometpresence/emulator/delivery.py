"""The road from a presence event to the sockets, with the potholes that faults dig in it."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from .connection import Connection
from .faults import Faults
from .frames import text_frame
from .journal import Journal
from .wire import dumps

# The journal names so many sockets of a broadcast; with thousands it would be all numbers.
_NAMED_RECIPIENTS = 256


@dataclass(slots=True)
class Parcel:
    """A frame, encoded once, and the sockets it was meant for when the event happened."""

    frame: dict[str, Any]
    data: bytes
    connections: list[Connection]


class Delivery:
    def __init__(self, faults: Faults, journal: Journal, rng: random.Random) -> None:
        self._faults = faults
        self._journal = journal
        self._rng = rng
        self._held: list[Parcel] = []  # waiting to be put in the wrong order
        self._last_due = 0.0  # when the latest delayed parcel leaves

    def send(self, frame: dict[str, Any], connections: list[Connection]) -> None:
        if not connections:
            return
        if self._faults.strike("lose_events") is not None:
            self._note_loss(frame, "lose_events")
            return
        parcel = Parcel(frame, text_frame(dumps(frame)), connections)
        duplicate = self._faults.strike("duplicate_events")
        for _ in range(int(duplicate.settings["times"]) if duplicate else 1):
            self._reorder(parcel)

    def _reorder(self, parcel: Parcel) -> None:
        fault = self._faults.find("reorder_events")
        if fault is None:
            self._delay(parcel)
            return
        self._held.append(parcel)
        fault.at_end = self._release
        if len(self._held) >= fault.settings["window"]:
            self._faults.strike("reorder_events")
            self._release()

    def _release(self) -> None:
        """Backwards rather than shuffled: a shuffle may leave everything in its place."""
        held, self._held = self._held, []
        for parcel in reversed(held):
            self._delay(parcel)

    def _delay(self, parcel: Parcel) -> None:
        """Delayed parcels keep their order, as bytes on a slow connection do."""
        loop = asyncio.get_running_loop()
        fault = self._faults.strike("delay")
        due = loop.time()
        if fault is not None:
            due += fault.settings["seconds"] + self._rng.random() * fault.settings["jitter"]
        elif self._last_due <= due:
            self._hand_over(parcel)
            return
        self._last_due = max(due, self._last_due + 1e-6)  # timers due at once have no order
        loop.call_at(self._last_due, self._hand_over, parcel)

    def _hand_over(self, parcel: Parcel) -> None:
        if self._faults.find("blackhole") is not None:
            self._note_loss(parcel.frame, "blackhole")
            return
        live = [connection for connection in parcel.connections if connection.is_live]
        for connection in live:
            connection.tell(parcel.frame["sender"], parcel.data)
        if live:
            numbers = [connection.number for connection in live]
            self._journal.write(
                "out",
                "ws",
                sockets=numbers[:_NAMED_RECIPIENTS],
                recipients=len(live),
                type="presence",
                frame=parcel.frame,
            )

    def _note_loss(self, frame: dict[str, Any], fault: str) -> None:
        self._journal.write("out", "lifecycle", event="event_lost", fault=fault, frame=frame)
