"""CometChat user presence for Python (unofficial): who is online, and who comes and goes.

``CometChat`` has the functions CometChat's documentation names; ``PresenceClient`` is the same
without process-wide state.
"""

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
from .listeners import ConnectionListener, LoginListener, Subscription, UserListener
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

__all__ = [
    "AppSettings",
    "AppSettingsBuilder",
    "AuthError",
    "ClientClosed",
    "CometChat",
    "CometChatException",
    "ConfigError",
    "ConnectionListener",
    "ConnectionLost",
    "ConnectionStatus",
    "Disconnect",
    "EventIterator",
    "LoginListener",
    "NotConnectedError",
    "Origin",
    "OutOfSync",
    "PresenceClient",
    "PresenceEvent",
    "PresenceScope",
    "PresenceView",
    "ProtocolError",
    "RateLimited",
    "Reconnect",
    "RequestTimeout",
    "Resync",
    "Stats",
    "StreamOverflow",
    "Subscription",
    "SyncReport",
    "SyncState",
    "TLSError",
    "User",
    "UserListener",
    "UserStatus",
    "UsersRequest",
    "UsersRequestBuilder",
    "__version__",
]
