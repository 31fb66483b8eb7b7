"""Everything the emulator received and sent, in order, with every secret taken out."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal

from .clock import Clock

Entry = Mapping[str, Any]
Direction = Literal["in", "out"]
Kind = Literal["rest", "ws", "lifecycle"]

REDACTED = "[redacted]"

_SECRET_NAMES = frozenset(
    {"apikey", "authtoken", "authorization", "jwt", "auth", "auth_key", "admin_token", "token"}
    | {"authkey", "secret", "fat", "cookie", "x-api-key", "proxy-authorization"}
)
_MINTED = re.compile(r"[0-9A-Fa-f]{40}")  # the shape credentials.mint() gives


class Journal:
    """A bounded list of entries that threads can wait on.

    Written on the emulator's loop, read from anywhere.  An entry has `n` (its number), `t` (the
    emulator's clock), `dir`, `kind`, and what that kind of thing is made of.
    """

    def __init__(self, clock: Clock, secrets: tuple[str, ...], size: int = 100_000) -> None:
        self._clock = clock
        # A user may choose keys that have no shape of ours, so those are looked for literally.
        self._literals = tuple(secret for secret in secrets if secret)
        self._entries: deque[Entry] = deque(maxlen=size)
        self._written = 0
        self._changed = threading.Condition()
        self._followers: list[Callable[[], None]] = []

    def write(self, dir: Direction, kind: Kind, **facts: Any) -> None:
        entry: dict[str, Any] = {"n": 0, "t": self._clock.now(), "dir": dir, "kind": kind}
        entry.update((name, self._redact(value)) for name, value in facts.items())
        with self._changed:
            entry["n"] = self._written
            self._written += 1
            self._entries.append(entry)
            self._changed.notify_all()
        for follower in self._followers:
            follower()

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

    def _redact(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._scrub(value)
        if isinstance(value, Mapping):
            return {
                self._scrub(str(name)): REDACTED
                if str(name).lower() in _SECRET_NAMES and isinstance(item, str) and item
                else self._redact(item)
                for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._redact(item) for item in value]
        return value

    def _scrub(self, text: str) -> str:
        if not text.isascii():  # lone surrogates, of odd headers or escapes, cannot be written out
            text = text.encode(errors="backslashreplace").decode()
        for literal in self._literals:
            text = text.replace(literal, REDACTED)
        return _MINTED.sub(REDACTED, text) if len(text) >= 40 else text
