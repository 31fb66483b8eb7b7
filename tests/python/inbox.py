"""A handler that remembers what it was called with, and can be waited on."""

import threading
from collections.abc import Callable
from typing import Any

PATIENCE = 10.0


class Inbox:
    """Callable with one argument or more (then a tuple is kept)."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, *arguments: Any) -> None:
        with self._changed:
            self.letters.append(arguments[0] if len(arguments) == 1 else arguments)
            self._changed.notify_all()

    def wait_for(self, count: int, patience: float = PATIENCE) -> list[Any]:
        """What has come, once it is at least so much."""
        return self.wait_until(lambda letters: len(letters) >= count, patience)

    def wait_until(
        self, enough: Callable[[list[Any]], bool], patience: float = PATIENCE
    ) -> list[Any]:
        with self._changed:
            came = self._changed.wait_for(lambda: enough(self.letters), patience)
            assert came, f"not enough came: {self.letters}"
            return list(self.letters)

    def one(self) -> Any:
        """The first letter."""
        return self.wait_for(1)[0]

    def uids(self) -> list[str]:
        return [letter.uid for letter in self.letters]
