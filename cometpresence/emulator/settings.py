"""What is kept of an emulator besides who there is: whose state it is, the keys, a manual clock."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import World

_NAMES = ("app_id", "region", "auth_key", "rest_api_key")


class Settings:
    """They are the world's; `tell` is given the name of each that changed."""

    def __init__(self, world: "World", tell: Callable[[str], None]) -> None:
        self._world = world
        self.changed: Callable[[str], None] = tell

    def all_keys(self) -> list[str]:
        return [*_NAMES, "clock"]

    def kept(self, name: str) -> object:
        if name != "clock":
            return getattr(self._world, name)
        clock = self._world.clock
        return clock.micros() if clock.is_manual else None
