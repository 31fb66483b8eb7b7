"""CometChat: the face for readers of CometChat's documentation."""

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _core, errors, listeners, settings, users
from ._aliases import with_documented_names
from ._arguments import check_text
from ._loops import loop_runs_here
from .client import PresenceClient
from .errors import CometChatException, ConfigError
from .handlers import HANDLER_ORIGINS
from .listeners import (
    CONNECTION,
    LOGIN,
    USERS,
    ConnectionCallbacks,
    Family,
    LoginCallbacks,
    Subscription,
    UserCallbacks,
    handlers_of,
)
from .settings import AppSettings
from .values import ConnectionStatus, UserStatus

__all__ = ["CometChat"]

# A key that is None was forgotten; only no key at all makes login() take an auth token.
_NOT_GIVEN: Any = object()


class _Roll:
    """The listeners of one kind, by id.  They outlive logins and clients."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._listeners: dict[str, tuple[Subscription, object]] = {}  # in the order of calling

    def add(self, id: str, listener: object) -> Subscription:
        subscription = Subscription(check_text(id, "listener id"), self)
        if isinstance(listener, Mapping):  # JavaScript's plain object
            listener = self._family.kind.of(listener)
        handlers_of(listener, (self._family,))  # refuses what is no listener, client or not
        with _default.lock:
            self._listeners.pop(id, None)
            self._listeners[id] = (subscription, listener)
            if _default.client is not None:
                self._attach(_default.client, id, listener)
        return subscription

    def remove(self, id: str) -> None:
        with _default.lock:
            removed = self._listeners.pop(id, None)
            if removed is not None and _default.client is not None:
                _default.client.remove_listener(self._core_id(id))

    def clear(self) -> None:
        self._listeners.clear()

    def attach_all(self, client: PresenceClient) -> None:
        for id, (_, listener) in self._listeners.items():
            self._attach(client, id, listener)

    def holds(self, subscription: Subscription) -> bool:
        held, _ = self._listeners.get(subscription.id, (None, None))
        return held is subscription

    def end(self, subscription: Subscription) -> None:
        with _default.lock:
            if self.holds(subscription):
                self.remove(subscription.id)

    def _attach(self, client: PresenceClient, id: str, listener: object) -> None:
        handlers = handlers_of(listener, (self._family,))
        client._register(self._core_id(id), handlers, HANDLER_ORIGINS)

    def _core_id(self, id: str) -> str:
        """Kinds have ids of their own at CometChat; a client has one space of ids."""
        return f"{self._family.kind.__name__}:{id}"


class _Default:
    """The client behind CometChat; None before init()."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.client: PresenceClient | None = None
        self.users = _Roll(USERS)
        self.connection = _Roll(CONNECTION)
        self.logins = _Roll(LOGIN)

    def replace(self, client: PresenceClient) -> PresenceClient | None:
        """Listeners move on to `client`; returns the one before."""
        with self.lock:
            for roll in (self.users, self.connection, self.logins):
                roll.attach_all(client)
            former, self.client = self.client, client
            return former

    def reset(self) -> None:
        """As before init(): no client, and no listeners."""
        with self.lock:
            former, self.client = self.client, None
            for roll in (self.users, self.connection, self.logins):
                roll.clear()
        if former is not None:
            former.close()

    def forget_client(self) -> None:
        """In a forked child: the client is the parent's, and so is whoever holds the lock."""
        self.lock = threading.RLock()
        self.client = None


_default = _Default()
os.register_at_fork(after_in_child=_default.forget_client)


def forget_default_client() -> None:
    """As before init(), for tests, which must not hear each other: the client is closed, and the
    listeners are gone."""
    _default.reset()


def default_client() -> PresenceClient:
    """The client behind CometChat, for a call that blocks."""
    _refuse_event_loop()
    return _initialised()


def _initialised() -> PresenceClient:
    client = _default.client
    if client is None:
        raise ConfigError(
            "COMETCHAT_INITIALIZATION_NOT_DONE", "CometChat.init() must be called first."
        )
    return client


def _refuse_event_loop() -> None:
    """Blocking a loop's thread would stop everything else on it."""
    if loop_runs_here():
        raise CometChatException(
            "EVENT_LOOP_RUNNING",
            "CometChat.* blocks, and this thread runs an event loop; use AsyncPresenceClient, "
            "or another thread: await asyncio.to_thread(CometChat.login, uid, auth_key).",
        )


@with_documented_names
class CometChat:
    """CometChat's documented functions, on one PresenceClient for the whole process.

        CometChat.init(APP_ID, settings)
        CometChat.login("superhero1", AUTH_KEY)
        CometChat.addUserListener("UNIQUE_LISTENER_ID", UserListener(onUserOnline=print))

    Calls block until they are done, also inside a listener, and raise CometChatException.
    Listeners run on a thread of their own, one after the other.  For several clients at once, or
    without process-wide state, use PresenceClient.

    In CometChat's docs: "Setup", "Authentication", "User Presence", "Retrieve Users",
    "Connection Status".
    """

    # CometChat.User, new CometChat.UserListener(...), as the documentation's snippets have it
    AppSettings: TypeAlias = settings.AppSettings
    AppSettingsBuilder: TypeAlias = settings.AppSettingsBuilder
    CometChatException: TypeAlias = errors.CometChatException
    User: TypeAlias = _core.User
    UserListener: TypeAlias = listeners.UserListener
    ConnectionListener: TypeAlias = listeners.ConnectionListener
    LoginListener: TypeAlias = listeners.LoginListener
    UsersRequest: TypeAlias = users.UsersRequest
    UsersRequestBuilder: TypeAlias = users.UsersRequestBuilder
    USER_STATUS = UserStatus
    CONNECTION_STATUS = ConnectionStatus

    @staticmethod
    def init(app_id: str, settings: AppSettings) -> bool:
        """Set up the app; True when done.  Sends nothing.

        Called again it begins anew: the client before is closed, listeners stay.  ConfigError for
        a missing app id, or a region that does not exist.
        """
        _refuse_event_loop()
        if not isinstance(settings, AppSettings):
            raise ConfigError(
                "INVALID_PARAMETER",
                "The settings must be what AppSettingsBuilder().….build() returns, "
                f"not {type(settings).__name__}.",
            )
        former = _default.replace(PresenceClient(app_id, settings))
        if former is not None:
            former.close()
        return True

    @staticmethod
    def login(uid: str, auth_key: str = _NOT_GIVEN) -> "User":
        """Log in by uid and auth key, or by an auth token alone: ``login(AUTH_TOKEN)``.

        Opens the socket unless the settings say otherwise.  Who is logged in already is returned
        from memory.  AuthError with the server's code; LOGIN_IN_PROGRESS if another call is not
        done yet.
        """
        client = default_client()
        if auth_key is _NOT_GIVEN:
            return client.login(auth_token=check_text(uid, "auth token"))
        return client.login(check_text(uid, "uid"), check_text(auth_key, "auth key"))

    @staticmethod
    def logout() -> None:
        """Give the auth token back and close the socket.  Listeners stay."""
        default_client().logout()

    @staticmethod
    def connect() -> None:
        """Open the socket, if login() did not or disconnect() closed it; doesn't wait for it."""
        default_client().connect()

    @staticmethod
    def disconnect() -> None:
        """Close the socket and stay logged in."""
        default_client().disconnect()

    @staticmethod
    def get_logged_in_user() -> "User | None":
        """Who is logged in, from memory; None when nobody is."""
        return _initialised()._core.me

    @staticmethod
    def get_user(uid: str) -> "User":
        """One user as the server knows them now; ERR_UID_NOT_FOUND if there is none."""
        return default_client().get_user(uid)

    @staticmethod
    def get_online_user_count() -> int:
        """How many users the server counts as online."""
        return default_client().online_user_count()

    @staticmethod
    def get_connection_status() -> ConnectionStatus:
        """``"connected"``, ``"connecting"`` or ``"disconnected"``; the latter before init()."""
        client = _default.client
        return ConnectionStatus.DISCONNECTED if client is None else client.connection_status

    @staticmethod
    def add_user_listener(id: str, listener: UserListener | UserCallbacks) -> Subscription:
        """Hear of users who come and go, by a listener or a mapping of its callbacks.

        The same id replaces, and goes to the end of the order.  Before init() and login(), too;
        stays over logouts.
        """
        return _default.users.add(id, listener)

    @staticmethod
    def remove_user_listener(id: str) -> None:
        """Hear no more.  An unknown id is no error."""
        _default.users.remove(id)

    @staticmethod
    def add_connection_listener(
        id: str, listener: ConnectionListener | ConnectionCallbacks
    ) -> Subscription:
        """Hear of the connection's life.  Ids work as for user listeners, apart from theirs."""
        return _default.connection.add(id, listener)

    @staticmethod
    def remove_connection_listener(id: str) -> None:
        """Hear no more.  An unknown id is no error."""
        _default.connection.remove(id)

    @staticmethod
    def add_login_listener(id: str, listener: LoginListener | LoginCallbacks) -> Subscription:
        """Hear of logins and logouts.  Ids work as for user listeners, apart from theirs."""
        return _default.logins.add(id, listener)

    @staticmethod
    def remove_login_listener(id: str) -> None:
        """Hear no more.  An unknown id is no error."""
        _default.logins.remove(id)

    if TYPE_CHECKING:
        getLoggedinUser = get_logged_in_user
        getLoggedInUser = get_logged_in_user
        getUser = get_user
        getOnlineUserCount = get_online_user_count
        getConnectionStatus = get_connection_status
        addUserListener = add_user_listener
        removeUserListener = remove_user_listener
        addConnectionListener = add_connection_listener
        removeConnectionListener = remove_connection_listener
        addLoginListener = add_login_listener
        removeLoginListener = remove_login_listener
