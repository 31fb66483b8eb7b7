"""What tests need of an emulator besides its public face."""

from collections.abc import Iterable
from typing import Any

from cometpresence.emulator import Emulator


def requests(emulator: Emulator) -> list[Any]:
    """What was asked over HTTP."""
    return [entry for entry in emulator.journal if (entry["kind"], entry["dir"]) == ("rest", "in")]


def token_of(emulator: Emulator, uid: str) -> str:
    """An auth token, as a backend would make it."""
    return emulator._call(lambda: emulator._world.credentials.new_token(uid))


def move(emulator: Emulator, uids: Iterable[str]) -> None:
    """Who is online goes, who is not comes: all of them at once."""

    def act() -> None:
        world = emulator._world
        for uid in uids:
            if world.users.get(uid).online:
                world.presence.send_offline(uid)
            else:
                world.presence.hold_online(uid)

    emulator._call(act)
