"""Listener objects as CometChat documents them, and the subscriptions they become."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypedDict, Unpack

from . import _core
from ._aliases import ALIASES, with_documented_names
from ._arguments import check_callable, check_function, check_takes, check_text, unknown_names
from .errors import CometChatException, ConfigError

if TYPE_CHECKING:
    from ._core import User

__all__ = [
    "ConnectionCallbacks",
    "ConnectionListener",
    "LoginCallbacks",
    "LoginListener",
    "Subscription",
    "UserCallbacks",
    "UserListener",
]


class UserCallbacks(TypedDict, total=False):
    """The callbacks of a UserListener by name, as JavaScript's plain object has them."""

    on_user_online: "Callable[[User], object] | None"
    """Called with each user who comes online."""
    on_user_offline: "Callable[[User], object] | None"
    """Called with each user who goes offline."""
    onUserOnline: "Callable[[User], object] | None"
    """As `on_user_online`."""
    onUserOffline: "Callable[[User], object] | None"
    """As `on_user_offline`."""


class ConnectionCallbacks(TypedDict, total=False):
    """The callbacks of a ConnectionListener by name."""

    on_connected: Callable[[], object] | None
    """Called when the server accepted us."""
    in_connecting: Callable[[], object] | None
    """Called when an attempt to connect begins."""
    on_disconnected: Callable[[], object] | None
    """Called when the connection ended."""
    on_feature_throttled: Callable[[], object] | None
    """Called when the platform stopped telling everything."""
    onConnected: Callable[[], object] | None
    """As `on_connected`."""
    inConnecting: Callable[[], object] | None
    """As `in_connecting`."""
    onDisconnected: Callable[[], object] | None
    """As `on_disconnected`."""
    onFeatureThrottled: Callable[[], object] | None
    """As `on_feature_throttled`."""


class LoginCallbacks(TypedDict, total=False):
    """The callbacks of a LoginListener by name."""

    login_success: "Callable[[User], object] | None"
    """Called with the user who logged in."""
    login_failure: Callable[[CometChatException], object] | None
    """Called with why the server refused the login."""
    logout_success: Callable[[], object] | None
    """Called when logged out."""
    logout_failure: Callable[[CometChatException], object] | None
    """Documented by CometChat; never called, as in its own SDK."""
    loginSuccess: "Callable[[User], object] | None"
    """As `login_success`."""
    loginFailure: Callable[[CometChatException], object] | None
    """As `login_failure`."""
    logoutSuccess: Callable[[], object] | None
    """As `logout_success`."""
    logoutFailure: Callable[[CometChatException], object] | None
    """As `logout_failure`."""


class _Listener:
    """Callbacks by name, in either spelling; assigning to one spelling sets both."""

    @classmethod
    def of(cls, callbacks: Mapping[str, Any]) -> Self:
        """A listener from a mapping of its callbacks, in either spelling."""
        listener = cls()
        listener._take(callbacks, {})
        return listener

    def _take(self, callbacks: Mapping[str, Any] | None, named: Mapping[str, Any]) -> None:
        if callbacks is not None and not isinstance(callbacks, Mapping):
            raise ConfigError(
                "INVALID_PARAMETER",
                f"{type(self).__name__} takes a mapping of callbacks, or each by its name, "
                f"not {type(callbacks).__name__}.",
            )
        spellings = _spellings(self)
        given = [*(callbacks or {}).items(), *named.items()]
        if unknown := [name for name, _ in given if name not in spellings]:
            raise unknown_names(type(self).__name__, unknown, spellings)
        taken = set()
        for name, callback in given:
            if spellings[name] in taken:
                raise ConfigError("INVALID_PARAMETER", f"{name} is given twice, in two spellings.")
            taken.add(spellings[name])
            setattr(self, name, callback)

    def __setattr__(self, name: str, value: object) -> None:
        spellings = _spellings(self)
        ours = spellings.get(name)
        if ours is None:
            return super().__setattr__(name, value)
        if value is not None:
            check_callable(value, name)
        for spelling, meaning in spellings.items():
            if meaning == ours:
                super().__setattr__(spelling, value)


@with_documented_names
class UserListener(_Listener):
    """Hears of users who come online and go offline.

    From a mapping, by keyword, or by subclassing; in CometChat's spelling or in ours:

        UserListener({"onUserOnline": greet})
        UserListener(on_user_online=greet, on_user_offline=miss)

        class Greeter(UserListener):
            def onUserOnline(self, user): ...

    Methods are looked up when they are called, on the thread that drains the client.

    In CometChat's docs: "User Presence".
    """

    def __init__(
        self,
        callbacks: UserCallbacks | None = None,
        /,
        **named: Unpack[UserCallbacks],
    ) -> None:
        self._take(callbacks, named)

    def on_user_online(self, user: "User", /) -> object:
        """`user` came online; ``user.last_active_at`` is the server's time of it, in seconds."""

    def on_user_offline(self, user: "User", /) -> object:
        """`user` went offline; ``user.last_active_at`` is when they were last seen, in seconds."""

    if TYPE_CHECKING:
        onUserOnline = on_user_online
        onUserOffline = on_user_offline


@with_documented_names
class ConnectionListener(_Listener):
    """Hears of the connection's life.  Made like UserListener.

    In CometChat's docs: "Connection Status".
    """

    def __init__(
        self,
        callbacks: ConnectionCallbacks | None = None,
        /,
        **named: Unpack[ConnectionCallbacks],
    ) -> None:
        self._take(callbacks, named)

    def on_connected(self) -> object:
        """The server accepted us: connected and authenticated."""

    def in_connecting(self) -> object:
        """An attempt to connect begins; also the second and every later one."""

    def on_disconnected(self) -> object:
        """The connection ended, whoever ended it."""

    def on_feature_throttled(self) -> object:
        """The platform stopped telling everything; PresenceClient.on_degraded() says why."""

    if TYPE_CHECKING:
        onConnected = on_connected
        inConnecting = in_connecting
        onDisconnected = on_disconnected
        onFeatureThrottled = on_feature_throttled


@with_documented_names
class LoginListener(_Listener):
    """Hears of logins and logouts.  Made like UserListener.

    In CometChat's docs: "Authentication", under Login Listener.
    """

    def __init__(
        self,
        callbacks: LoginCallbacks | None = None,
        /,
        **named: Unpack[LoginCallbacks],
    ) -> None:
        self._take(callbacks, named)

    def login_success(self, user: "User", /) -> object:
        """`user` logged in."""

    def login_failure(self, error: CometChatException, /) -> object:
        """The server refused the login; login() raises the same."""

    def logout_success(self) -> object:
        """Logged out, by us or because the server no longer knows our token."""

    def logout_failure(self, error: CometChatException, /) -> object:
        """Documented by CometChat; never called, as in its own SDK."""

    if TYPE_CHECKING:
        loginSuccess = login_success
        loginFailure = login_failure
        logoutSuccess = logout_success
        logoutFailure = logout_failure


# ---- from listener to what the core calls


class Callback(NamedTuple):
    """One thing to be told of."""

    name: str
    wanted: int  # a key of _core.Client.add_listener
    told: tuple[str, ...]  # what it is called with, the first of what the core says


class Family(NamedTuple):
    """What a kind of listener can hear."""

    kind: type[_Listener]
    callbacks: tuple[Callback, ...]


USERS = Family(
    UserListener,
    (
        Callback("on_user_online", _core.ONLINE, ("user",)),
        Callback("on_user_offline", _core.OFFLINE, ("user",)),
    ),
)
CONNECTION = Family(
    ConnectionListener,
    (
        Callback("on_connected", _core.CONNECTED, ()),
        Callback("in_connecting", _core.CONNECTING, ()),
        Callback("on_disconnected", _core.DISCONNECTED, ()),
        Callback("on_feature_throttled", _core.THROTTLED, ()),
    ),
)
LOGIN = Family(
    LoginListener,
    (
        Callback("login_success", _core.LOGGED_IN, ("user",)),
        Callback("login_failure", _core.LOGIN_FAILED, ("error",)),
        Callback("logout_success", _core.LOGGED_OUT, ()),
    ),
)
FAMILIES = (USERS, CONNECTION, LOGIN)
_KINDS = frozenset(family.kind for family in FAMILIES)


def _both(family: Family, name: str) -> tuple[str, ...]:
    """The spellings of one callback, CometChat's last."""
    aliases = ALIASES[family.kind.__name__]
    return (name, *(alias for alias, ours in aliases.items() if ours == name))


def _spellings(listener: _Listener) -> dict[str, str]:
    """Every name a listener's callbacks go by, and the callback it means."""
    spellings: dict[str, str] = {}
    for kind in _KINDS:
        if isinstance(listener, kind):
            for documented, ours in ALIASES[kind.__name__].items():
                spellings |= {ours: ours, documented: ours}
    return spellings


def find_callback(listener: object, names: tuple[str, ...]) -> Callable[..., object] | None:
    """What a listener has under one of the spellings of a name: its own attribute, else what the
    most derived class defines.  The empty methods of the documented classes do not count.
    """
    own = getattr(listener, "__dict__", {})
    for name in names:
        if name in own:
            return own[name]  # type: ignore[no-any-return]
    for kind in type(listener).__mro__:
        for name in names:
            found = kind.__dict__.get(name)
            if found is not None and kind not in _KINDS:
                bind = getattr(found, "__get__", None)
                return found if bind is None else bind(listener, type(listener))  # type: ignore[no-any-return]
    return None


def handlers_of(
    listener: object,
    families: Iterable[Family],
    check: Callable[[object, str], object] = check_function,
) -> dict[int, Callable[..., object]]:
    """What to register for `listener`: for each thing it can hear, a function that looks the
    callback up when it is called.  `check` refuses callbacks that cannot be called.

    Like the official SDK we take any object that has one of the methods, and not only our
    classes.
    """
    handlers: dict[int, Callable[..., object]] = {}
    families = tuple(families)
    if isinstance(listener, Mapping | type):
        raise _nearly_a_listener(listener, families)
    for family in families:
        spelled = [(callback, _both(family, callback.name)) for callback in family.callbacks]
        found = {names[0]: find_callback(listener, names) for _, names in spelled}
        given = {name: function for name, function in found.items() if function is not None}
        for callback in family.callbacks:
            if (function := given.get(callback.name)) is not None:
                check(function, callback.name)
                check_takes(function, callback.told, callback.name)
        if isinstance(listener, family.kind) or given:
            for callback, names in spelled:
                handlers[callback.wanted] = _forward(listener, names, len(callback.told))
    if not handlers:
        *kinds, last = (family.kind.__name__ for family in families)
        wanted = f"{', '.join(kinds)} or {last}" if kinds else last
        raise ConfigError(
            "INVALID_PARAMETER",
            f"The listener must be a {wanted}, or have methods called as theirs, and "
            f"{type(listener).__name__} has none.",
        )
    return handlers


def _nearly_a_listener(
    given: "Mapping[object, object] | type", families: tuple[Family, ...]
) -> ConfigError:
    """What JavaScript takes, and what lacks its parentheses."""
    if isinstance(given, type):
        message = f"{given.__name__} is a class: add one made of it, {given.__name__}(…)."
    else:
        meant = [
            family
            for family in families
            if any(name in given for each in family.callbacks for name in _both(family, each.name))
        ]
        kind = (meant or families)[0].kind.__name__
        message = f"A mapping does not say what it listens to: add {kind}({{…}}), made of it."
    return ConfigError("INVALID_PARAMETER", message)


def _forward(listener: object, names: tuple[str, ...], arguments: int) -> Callable[..., object]:
    def forward(*given: object) -> object:
        callback = find_callback(listener, names)
        return None if callback is None else callback(*given[:arguments])

    return forward


# ---- registration


class _Holder(Protocol):
    """Whoever keeps subscriptions by id."""

    def holds(self, subscription: "Subscription") -> bool: ...
    def end(self, subscription: "Subscription") -> None: ...


class Subscription(AbstractContextManager["Subscription"]):
    """A registered listener.  remove() ends it, and so does leaving its with-block.

    One that has ended cannot be entered again: a ConfigError says so.
    """

    __slots__ = ("_holder", "_id")

    def __init__(self, id: str, holder: _Holder) -> None:
        self._id = id
        self._holder = holder

    @property
    def id(self) -> str:
        """The id it can be replaced and removed by."""
        return self._id

    @property
    def active(self) -> bool:
        """False once removed, or replaced by another listener of the same id."""
        return self._holder.holds(self)

    def remove(self) -> None:
        """Stop hearing.  Idempotent; legal inside the listener; no call starts after it returns."""
        self._holder.end(self)

    def __enter__(self) -> Self:
        if self.active:
            return self
        raise ConfigError(
            "SUBSCRIPTION_ENDED",
            f"The subscription {self._id!r} has ended, removed or replaced: add the listener again.",
        )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Subscription {self._id!r} {'active' if self.active else 'ended'}>"


class Registry:
    """The listeners of one client, by id.  The core calls them; this knows who holds which."""

    def __init__(self, core: "_core.Client") -> None:
        self._core = core
        self._subscriptions: dict[str, Subscription] = {}
        self._made = 0  # ids
        # Reentrant: dropping a listener may run its destructor, which may remove another.
        self._lock = threading.RLock()

    def add(
        self, id: str, handlers: Mapping[int, Callable[..., object]], origins: int
    ) -> Subscription:
        """As CometChat does it: the same id replaces, and goes to the end."""
        with self._lock:
            subscription = Subscription(check_text(id, "listener id"), self)
            self._core.add_listener(id, handlers, origins)
            self._subscriptions[id] = subscription
            return subscription

    def make_id(self, listener: object) -> str:
        """A new id that tells what it belongs to."""
        with self._lock:
            self._made += 1
            name = getattr(listener, "__qualname__", type(listener).__qualname__)
            return f"{name}-{self._made}"

    def remove(self, id: str) -> bool:
        """False: there is none of this id."""
        with self._lock:
            self._subscriptions.pop(id, None)
            return self._core.remove_listener(id)

    def end(self, subscription: Subscription) -> None:
        """Remove it, unless another one took its id."""
        with self._lock:
            if self.holds(subscription):
                self.remove(subscription.id)

    def holds(self, subscription: Subscription) -> bool:
        return self._subscriptions.get(subscription.id) is subscription

    def __len__(self) -> int:
        return len(self._subscriptions)
