"""The values that are no C types: the vocabulary of statuses, and three reports."""

from dataclasses import dataclass
from enum import Enum, StrEnum

__all__ = [
    "ConnectionStatus",
    "Disconnect",
    "Origin",
    "Stats",
    "SyncReport",
    "SyncState",
    "UserStatus",
]


class UserStatus(StrEnum):
    """Whether a user is online; compares equal to the vendor's words."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    """Never on a user that the server sent: the answer when we do not know."""


class ConnectionStatus(StrEnum):
    """The state of the connection, in the vendor's words."""

    CONNECTED = "connected"
    """Authenticated, not merely open."""
    CONNECTING = "connecting"
    DISCONNECTED = "disconnected"
    FEATURE_THROTTLED = "featureThrottled"


class SyncState(Enum):
    """How far the client's picture can be trusted."""

    AWAITING = 1
    """Never synchronised."""
    SYNCED = 2
    STALE = 3
    """Disconnected, or a resync is running: last-known values."""
    DEGRADED = 4
    """The platform stopped pushing reliably, or there are more users than are tracked."""
    CLOSED = 5


class Origin(Enum):
    """Why an event was emitted."""

    LIVE = 1
    """Pushed by the server."""
    SNAPSHOT = 2
    """The first synchronisation; handlers get these only when they ask for them."""
    RESYNC = 3
    """Worked out by comparing with the server after a gap, or by an audit."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """How a connection ended; ``code`` is WebSocket's (1006: the peer said nothing)."""

    code: int
    reason: str
    clean: bool
    will_retry: bool
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a comparison with the server found; ``duration`` is in seconds."""

    generation: int
    online: int
    went_online: tuple[str, ...]
    went_offline: tuple[str, ...]
    passes: int
    pages: int
    duration: float


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters since the client was made; ``last_rtt`` is in seconds.

    ``stalls``: how often the network thread stopped turning for more than 5 seconds;
    ``notices_dropped``: news of the connection, such as on_synced's, that no drain came for;
    ``untracked``: how often a user had no room under ``max_users``, the same one again at each
    change and each comparison; ``trimmed``: how often a profile was too large for the picture
    of everybody and lost tags and metadata there.
    """

    frames: int
    events: int
    duplicates: int
    malformed: int
    unknown_frames: int
    coalesced: int
    reconnects: int
    resyncs: int
    handler_errors: int
    slow_handlers: int
    queue_high_water: int
    tracked_users: int
    last_rtt: float | None
    stalls: int
    notices_dropped: int
    untracked: int
    trimmed: int
