"""Users whom nobody pushes and no list shows: the client watches them by name."""

from random import Random
from typing import Any

from trust.core import OFFLINE, ONLINE, SECOND, UNKNOWN, Core

WATCHED_EVERY = 15 * SECOND
RECOVERY = 45 * SECOND  # from a fault, with the longest backoff and a slow answer
NOBODY = "nobody"  # is watched all the same


class Guests:
    """They have another role than the one that is subscribed to."""

    def __init__(self, count: int, random: Random) -> None:
        self.online = {f"g{n:03}": False for n in range(count)}
        self._random = random
        self._have_moved = False
        self._disturbed_at = 0

    def options(self, *others: str) -> dict[str, Any]:
        """For a client that watches them, and some others."""
        if not self.online:
            return {}
        watched = ",".join([*self.online, *others, NOBODY]).encode()
        roles = {"subscription": 2, "role": b"member"}
        return roles | {"watched": watched, "watched_every": WATCHED_EVERY}

    def role_of(self, uid: str) -> str:
        return "guest" if uid in self.online else "member"

    def move(self, now: int) -> None:
        uid = self._random.choice(list(self.online))
        self.online[uid] = not self.online[uid]
        self._have_moved = True
        self.disturb(now)

    def disturb(self, now: int) -> None:
        """Something happened that may keep the client from knowing them."""
        self._disturbed_at = now

    def check_soon_known(self, core: Core, now: int) -> bool:
        """While all goes well; True: they had moved, so that it means something."""
        if not self.online or now - self._disturbed_at <= WATCHED_EVERY + RECOVERY:
            return False
        had_moved, self._have_moved = self._have_moved, False
        self.check_known(core)
        return had_moved

    def check_known(self, core: Core) -> None:
        for uid, is_online in self.online.items():
            assert core.status(uid) == (ONLINE if is_online else OFFLINE), uid
        assert core.status(NOBODY) in (OFFLINE, UNKNOWN)
