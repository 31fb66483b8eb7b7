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
    """Whether a user is online; compares equal to the vendor's words.

    In CometChat's docs: "Retrieve Users", as ``CometChat.USER_STATUS``.
    """

    ONLINE = "online"
    """Connected somewhere, on one device at least."""
    OFFLINE = "offline"
    """On no device."""
    UNKNOWN = "unknown"
    """Never on a user that the server sent: the answer when we do not know."""


class ConnectionStatus(StrEnum):
    """The state of the connection, in the vendor's words.

    In CometChat's docs: "Connection Status".
    """

    CONNECTED = "connected"
    """Authenticated, not merely open."""
    CONNECTING = "connecting"
    """On the way there, or waiting for the next attempt."""
    DISCONNECTED = "disconnected"
    """Not connected, and not trying to be."""
    FEATURE_THROTTLED = "featureThrottled"
    """The vendor's word for a platform that no longer tells everything; see on_degraded()."""


class SyncState(Enum):
    """How far the client's picture can be trusted."""

    AWAITING = 1
    """Never synchronised."""
    SYNCED = 2
    """Compared with the server, and told of every change since."""
    STALE = 3
    """Disconnected, or a resync is running: last-known values."""
    DEGRADED = 4
    """The platform stopped pushing reliably, or there are more users than are tracked."""
    CLOSED = 5
    """The client was closed: what was known last."""


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
    """How a connection ended."""

    code: int
    """WebSocket's; 1006: the peer said nothing."""
    reason: str
    """The peer's words, or ours when it had none."""
    clean: bool
    """Whether both sides said goodbye."""
    will_retry: bool
    """Whether the client tries again by itself."""
    retry_in: float | None
    """Seconds until then; None when it does not."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a comparison with the server found."""

    generation: int
    """Of which connection: 1 for the first authenticated one."""
    online: int
    """How many are online."""
    went_online: tuple[str, ...]
    """The uids found online that were not known to be."""
    went_offline: tuple[str, ...]
    """The uids found offline that were thought to be online."""
    passes: int
    """How often the list was walked, because it moved meanwhile."""
    pages: int
    """How many pages were fetched."""
    duration: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters since the client was made."""

    frames: int
    """WebSocket messages received."""
    events: int
    """Changes delivered."""
    duplicates: int
    """Frames about a user that changed nothing."""
    malformed: int
    """Frames that could not be read."""
    unknown_frames: int
    """Frames of a kind we do not know."""
    coalesced: int
    """Changes that folded into a later one of the same user, behind a slow handler."""
    reconnects: int
    """Connections after the first."""
    resyncs: int
    """Completed comparisons with the server after the first."""
    handler_errors: int
    """How often a handler raised."""
    slow_handlers: int
    """How often a handler took more than a second."""
    queue_high_water: int
    """The most changes that ever waited at once."""
    tracked_users: int
    """Users the picture holds now."""
    last_rtt: float | None
    """Seconds the last ping took there and back; None before the first."""
    stalls: int
    """How often the network thread stopped turning for more than 5 seconds."""
    notices_dropped: int
    """News of the connection, such as on_synced's, that no drain came for."""
    untracked: int
    """How often a user had no room under ``max_users``: the same one again at each change and
    each comparison."""
    trimmed: int
    """How often a profile was too large for the picture of everybody, and lost tags and metadata
    there."""
    flaps: int
    """Changes that a handler with ``after=`` was not called for, because they were taken back in
    time; counted for each such handler."""
