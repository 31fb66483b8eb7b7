"""What the extension offers the package.  Private: scripts use ``cometpresence`` itself.

Every method may be called from any thread.  Those that wait release the GIL, react to
Ctrl-C, and may be called inside a listener.  Times are seconds; ``timeout=None`` waits for ever.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self, final

from cometpresence.values import ConnectionStatus, Origin, Stats, SyncReport, SyncState, UserStatus

VERSION: Final[str]

# What a listener can want: the keys of the mapping given to Client.add_listener, and what
# the callable under that key is called with.
ONLINE: Final[int]  # (User)
OFFLINE: Final[int]  # (User)
PRESENCE: Final[int]  # (PresenceEvent)
PRESENCE_BATCH: Final[int]  # (list[PresenceEvent]), at most one drain's worth
CONNECTING: Final[int]  # (attempt: int, delay: float)
CONNECTED: Final[int]  # (generation: int)
DISCONNECTED: Final[int]  # (Disconnect)
SYNCED: Final[int]  # (SyncReport)
DEGRADED: Final[int]  # (reason: str)
LOGGED_IN: Final[int]  # (User)
LOGIN_FAILED: Final[int]  # (CometChatException)
LOGGED_OUT: Final[int]  # ()
TOKEN_WANTED: Final[int]  # (); answer with Client.answer_token

@final
class User:
    uid: Final[str]
    name: Final[str]
    avatar: Final[str | None]
    link: Final[str | None]
    role: Final[str | None]
    status: Final[UserStatus]
    status_message: Final[str | None]
    last_active_at: Final[int | None]
    tags: Final[tuple[str, ...]]
    blocked_by_me: Final[bool]
    has_blocked_me: Final[bool]
    deactivated_at: Final[int | None]
    created_at: Final[int | None]
    updated_at: Final[int | None]
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def last_active(self) -> datetime | None: ...
    @property
    def is_online(self) -> bool: ...
    def to_dict(self) -> dict[str, Any]: ...
    @classmethod
    def from_dict(cls, data: Mapping[str, Any], /) -> User: ...
    # The vendor's spellings, see cometpresence._aliases.
    statusMessage: Final[str | None]
    lastActiveAt: Final[int | None]
    blockedByMe: Final[bool]
    hasBlockedMe: Final[bool]
    deactivatedAt: Final[int | None]
    def getUid(self) -> str: ...
    def getName(self) -> str: ...
    def getAvatar(self) -> str | None: ...
    def getLink(self) -> str | None: ...
    def getRole(self) -> str | None: ...
    def getStatus(self) -> UserStatus: ...
    def getStatusMessage(self) -> str | None: ...
    def getLastActiveAt(self) -> int | None: ...
    def getTags(self) -> tuple[str, ...]: ...
    def getMetadata(self) -> dict[str, Any]: ...
    def getBlockedByMe(self) -> bool: ...
    def getHasBlockedMe(self) -> bool: ...
    def getDeactivatedAt(self) -> int | None: ...

@final
class PresenceEvent:
    user: Final[User]
    previous: Final[UserStatus]
    origin: Final[Origin]
    at: Final[datetime | None]
    received_at: Final[float]
    generation: Final[int]
    seq: Final[int]
    coalesced: Final[int]
    @property
    def online(self) -> bool: ...

@final
class Client:
    def __new__(
        cls,
        *,
        app_id: str | None,
        region: str | None,
        subscription: str,  # "none", "all_users", "roles", "friends"
        roles: Sequence[str],
        auto_connect: bool,
        admin_host: str | None,
        client_host: str | None,
        endpoint: str | None,
        ca_file: str | None,
        has_token_provider: bool,
        # base, cap, floor, max_attempts, stable_after
        reconnect: tuple[float, float, float, int | None, float],
        # on_connect, audit_after, every, whole, page_size
        resync: tuple[bool, float | None, float | None, bool, int],
        queue_size: int,
        max_users: int,
        connect_timeout: float,
        ping_interval: float,
        ping_timeout: float,
        # a listener or the connection failed; where
        report: Callable[[BaseException, str], object],
    ) -> Self: ...
    @property
    def session_id(self) -> str: ...
    @property
    def me(self) -> User | None: ...
    @property
    def connection_status(self) -> ConnectionStatus: ...
    @property
    def sync_state(self) -> SyncState: ...
    @property
    def generation(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    # calls: block until answered
    def login(
        self, uid: str | None, auth_key: str | None, auth_token: str | None, timeout: float | None
    ) -> User: ...
    def logout(self, timeout: float | None) -> None: ...
    def connect(self) -> None: ...  # starts; does not wait
    def disconnect(self, timeout: float | None) -> None: ...
    def close(self, timeout: float) -> bool: ...  # False: not finished in time
    def get_user(self, uid: str, timeout: float | None) -> User: ...
    def online_user_count(self, timeout: float | None) -> int: ...
    def get_users(
        self,
        timeout: float | None,
        /,
        *,
        limit: int = ...,
        page: int = ...,
        search_keyword: str | None = ...,
        search_in: Sequence[str] | None = ...,
        status: str | None = ...,
        roles: Sequence[str] | None = ...,
        tags: Sequence[str] | None = ...,
        uids: Sequence[str] | None = ...,
        sort_by: str | None = ...,
        sort_order: str | None = ...,
        friends_only: bool = ...,
        hide_blocked_users: bool = ...,
        with_tags: bool = ...,
    ) -> tuple[list[User], int]: ...  # the page, and the number of pages there are (0: not said)
    def await_sync(self, timeout: float | None) -> SyncReport: ...
    def resync(self, timeout: float | None) -> SyncReport: ...
    def answer_token(self, auth_token: str | None, /) -> None: ...  # None: the provider failed
    # listeners; origins is a set of 1 << Origin.value
    def add_listener(
        self, id: str, handlers: Mapping[int, Callable[..., object]], origins: int
    ) -> None: ...
    def remove_listener(self, id: str, /) -> bool: ...
    def clear_listeners(self) -> None: ...
    # the bell
    def fileno(self) -> int: ...
    # True: there is something to drain; False: timed out, or closed and all told
    def wait(self, timeout: float | None) -> bool: ...
    def drain(self, max_events: int) -> int: ...
    # looking
    def find(self, uid: str, /) -> User | None: ...
    def status(self, uid: str, /) -> UserStatus: ...
    def count(self) -> int: ...
    def online_count(self) -> int: ...
    # users, next cursor; [] at the end
    def copy(self, cursor: int, online_only: bool, max_users: int) -> tuple[list[User], int]: ...
    def stats(self) -> Stats: ...

# as get_users; raises ConfigError with the vendor's code
def check_users_query(**query: Any) -> None: ...
def forked() -> None: ...  # os.register_at_fork(after_in_child=…)
def shutdown(timeout: float, /) -> bool: ...  # atexit
