"""Everything the emulator received and sent, in order, with every secret taken out."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal

from .clock import Clock
from .journal_file import JournalFile
from .redaction import Redactor

Entry = Mapping[str, Any]
Direction = Literal["in", "out"]
Kind = Literal["rest", "ws", "lifecycle"]


class Journal:
    """A bounded list of entries that threads can wait on.

    Written on the emulator's loop, read from anywhere.  An entry has `n` (its number), `t` (the
    emulator's clock), `dir`, `kind`, and what that kind of thing is made of.
    """

    def __init__(
        self, clock: Clock, redactor: Redactor, file: JournalFile | None, size: int = 100_000
    ) -> None:
        self._clock = clock
        self._redactor = redactor
        self._file = file
        self._entries: deque[Entry] = deque(maxlen=size)
        self._written = 0
        self._changed = threading.Condition()
        self._followers: list[Callable[[], None]] = []
        self.listener: Callable[[Entry], None] | None = None  # of each entry, as it is written

    def write(self, dir: Direction, kind: Kind, **facts: Any) -> None:
        entry: dict[str, Any] = {"n": 0, "t": self._clock.now(), "dir": dir, "kind": kind}
        entry.update((name, self._redactor.value(value)) for name, value in facts.items())
        with self._changed:
            entry["n"] = self._written
            self._written += 1
            self._entries.append(entry)
            self._changed.notify_all()
        if self._file is not None:
            self._file.write(entry)
        if self.listener is not None:
            self.listener(entry)
        for follower in self._followers:
            follower()

    def redacted(self, value: Any) -> Any:
        """A copy without secrets."""
        return self._redactor.value(value)

    def excerpt(self, text: str, most: int = 1000) -> str:
        """The beginning of a text that may be long, for an entry."""
        return self._redactor.excerpt(text, most)

    @contextmanager
    def followed(self, follower: Callable[[], None]) -> Iterator[None]:
        """`follower` is called on the emulator's loop after each entry."""
        self._followers.append(follower)
        try:
            yield
        finally:
            self._followers.remove(follower)

    def since(self, number: int, *, most: int) -> tuple[list[Entry], int]:
        """The latest entries from `number` on, and how many before them are left out."""
        with self._changed:
            wanted = min(self._written - number, len(self._entries))
            skip = max(0, wanted - most)
            start = len(self._entries) - wanted + skip
            return list(islice(self._entries, start, None)), skip

    def entries(self) -> list[Entry]:
        with self._changed:
            return list(self._entries)

    def clear(self) -> None:
        with self._changed:
            self._entries.clear()

    def wait_for(
        self, predicate: Callable[[Entry], bool], *, timeout: float, after: int = -1
    ) -> Entry:
        """The first entry numbered above `after` that satisfies; waits for it if need be."""
        deadline = time.monotonic() + timeout
        while fresh := self._next_after(after, deadline):
            # Outside the lock: the predicate is foreign code and may read the journal itself.
            for entry in fresh:
                if predicate(entry):
                    return entry
            after = fresh[-1]["n"]
        raise TimeoutError(f"no matching journal entry within {timeout:g} s")

    def _next_after(self, after: int, deadline: float) -> list[Entry]:
        """The entries numbered above `after`, waiting for one; none once the deadline is past."""
        patience = max(0.0, deadline - time.monotonic())
        with self._changed:
            self._changed.wait_for(lambda: self._written > after + 1, patience)
            oldest = self._written - len(self._entries)
            return list(islice(self._entries, max(0, after + 1 - oldest), None))

    def wait_until(self, condition: Callable[[], bool], *, timeout: float) -> bool:
        """Wait for a fact of the emulator's state; every change of state writes an entry."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)
