"""Rate limits: so many requests in each minute of the emulator's clock."""

from dataclasses import dataclass
from typing import Literal

from .clock import Clock

Tier = Literal["core", "standard"]

_MINUTE = 60

# What CometChat counts as core operations, of those that are emulated.
_CORE = frozenset(
    {"POST /users/{uid}/auth_tokens", "PUT /me", "POST /users", "DELETE /users/{uid}"}
)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a minute, as CometChat's paid plans have them; the free one has 500 of each."""

    core: int = 10_000
    """Logins, and users created and deleted."""
    standard: int = 20_000
    """Everything else."""

    def __post_init__(self) -> None:
        if self.core < 1 or self.standard < 1:
            raise ValueError("a rate limit is at least 1 request a minute")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a request finds: the quota it is of, and what is left after it."""

    limit: int
    remaining: int  # below 0: this request was one too many
    resets_at: int  # Unix seconds


class Quota:
    def __init__(self, limits: RateLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._minute = 0
        self._used: dict[Tier, int] = {}

    def spend(self, endpoint: str) -> Standing:
        """Our choice: the quota is the app's, and its minutes begin with the clock's."""
        minute = self._clock.seconds() // _MINUTE
        if minute != self._minute:
            self._minute, self._used = minute, {}
        tier: Tier = "core" if endpoint in _CORE else "standard"
        used = self._used[tier] = self._used.get(tier, 0) + 1
        limit = self._limits.core if tier == "core" else self._limits.standard
        return Standing(limit, limit - used, (minute + 1) * _MINUTE)
