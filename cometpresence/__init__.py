"""CometChat user presence for Python (unofficial): who is online, and who comes and goes.

``CometChat`` has the functions CometChat's documentation names; ``PresenceClient`` is the same
without process-wide state, and ``AsyncPresenceClient`` is that for asyncio.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._core import VERSION as __version__
from ._core import PresenceEvent, User
from .client import PresenceClient
from .cometchat import CometChat
from .errors import (
    AuthError,
    ClientClosed,
    CometChatException,
    ConfigError,
    ConnectionLost,
    NotConnectedError,
    OutOfSync,
    ProtocolError,
    RateLimited,
    RequestTimeout,
    StreamOverflow,
    TLSError,
)
from .listeners import (
    ConnectionCallbacks,
    ConnectionListener,
    LoginCallbacks,
    LoginListener,
    Subscription,
    UserCallbacks,
    UserListener,
)
from .presence import PresenceView
from .settings import AppSettings, AppSettingsBuilder, PresenceScope, Reconnect, Resync
from .streams import EventIterator
from .users import UsersRequest, UsersRequestBuilder
from .values import (
    ConnectionStatus,
    Disconnect,
    Origin,
    Stats,
    SyncReport,
    SyncState,
    UserStatus,
)

if TYPE_CHECKING:
    from .aio import AsyncPresenceClient, EventStream
    from .history import PresenceHistory, PresenceRecorder, Shift
    from .webhooks import parse_webhook

__all__ = [
    "AppSettings",
    "AppSettingsBuilder",
    "AsyncPresenceClient",
    "AuthError",
    "ClientClosed",
    "CometChat",
    "CometChatException",
    "ConfigError",
    "ConnectionCallbacks",
    "ConnectionListener",
    "ConnectionLost",
    "ConnectionStatus",
    "Disconnect",
    "EventIterator",
    "EventStream",
    "LoginCallbacks",
    "LoginListener",
    "NotConnectedError",
    "Origin",
    "OutOfSync",
    "PresenceClient",
    "PresenceEvent",
    "PresenceHistory",
    "PresenceRecorder",
    "PresenceScope",
    "PresenceView",
    "ProtocolError",
    "RateLimited",
    "Reconnect",
    "RequestTimeout",
    "Resync",
    "Shift",
    "Stats",
    "StreamOverflow",
    "Subscription",
    "SyncReport",
    "SyncState",
    "TLSError",
    "User",
    "UserCallbacks",
    "UserListener",
    "UserStatus",
    "UsersRequest",
    "UsersRequestBuilder",
    "__version__",
    "parse_webhook",
]


# Where to find what costs imports that only those who use it should pay.
_LATER = {
    "AsyncPresenceClient": ".aio",
    "EventStream": ".aio",
    "PresenceHistory": ".history",
    "PresenceRecorder": ".history",
    "Shift": ".history",
    "parse_webhook": ".webhooks",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
