"""What the parts of the Emulator's public face have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from .world import World

_T = TypeVar("_T")


class Calls(ABC):
    """Methods that may be called from any thread."""

    _world: World

    @abstractmethod
    def _call(self, action: Callable[[], _T]) -> _T:
        """Run `action` on the emulator's loop and wait for it."""
