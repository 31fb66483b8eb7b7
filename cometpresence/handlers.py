"""How functions and listeners are attached to a client."""

from collections.abc import Callable, Collection, Set
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, overload

from . import _core
from ._arguments import check_function, check_seconds, check_takes, closed_error, warn
from .debounce import Debounce
from .filters import about, check_origins
from .listeners import (
    FAMILIES,
    Callback,
    ConnectionListener,
    LoginListener,
    Registry,
    Subscription,
    UserListener,
    handlers_of,
)
from .reports import Reports, place_of
from .settings import PresenceScope
from .values import Disconnect, Origin, SyncReport

if TYPE_CHECKING:
    from ._core import Client, PresenceEvent, User

__all__ = ["Handlers"]

UserHandler = TypeVar("UserHandler", bound="Callable[[User], object]")
EventHandler = TypeVar("EventHandler", bound="Callable[[PresenceEvent], object]")
BatchHandler = TypeVar("BatchHandler", bound="Callable[[list[PresenceEvent]], object]")
NumberHandler = TypeVar("NumberHandler", bound=Callable[[int], object])
AttemptHandler = TypeVar("AttemptHandler", bound=Callable[[int, float], object])
DisconnectHandler = TypeVar("DisconnectHandler", bound=Callable[[Disconnect], object])
SyncHandler = TypeVar("SyncHandler", bound=Callable[[SyncReport], object])
ReasonHandler = TypeVar("ReasonHandler", bound=Callable[[str], object])
ErrorHandler = TypeVar("ErrorHandler", bound=Callable[[BaseException, str], object])


_KINDS = {
    kind.wanted: kind
    for kind in (
        Callback("on_user_online", _core.ONLINE, ("user",)),
        Callback("on_user_offline", _core.OFFLINE, ("user",)),
        Callback("on_presence", _core.PRESENCE, ("event",)),
        Callback("on_presence_batch", _core.PRESENCE_BATCH, ("events",)),
        Callback("on_connected", _core.CONNECTED, ("generation",)),
        Callback("on_connecting", _core.CONNECTING, ("attempt", "delay")),
        Callback("on_disconnected", _core.DISCONNECTED, ("disconnect",)),
        Callback("on_synced", _core.SYNCED, ("report",)),
        Callback("on_degraded", _core.DEGRADED, ("reason",)),
    )
}


class Filters(TypedDict, total=False):
    """Which events a presence handler is called for; without any, all but the first snapshot."""

    uids: Collection[str] | None
    """Only about these users, at least one; compared as the server does, without case."""
    roles: Collection[str] | None
    """Only about users of these roles, at least one."""
    origins: Collection[Origin]
    """Only events emitted for these reasons: LIVE and RESYNC unless said otherwise."""
    id: str | None
    """An id for remove_listener(); the same id replaces the handler that had it."""


class Conditions(Filters, total=False):
    """Filters, and how long a change must last."""

    after: float
    """Only about a change that still holds after so many seconds; 0, at once, unless said
    otherwise."""


HANDLER_ORIGINS = frozenset({Origin.LIVE, Origin.RESYNC})
_PRESENCE = frozenset({_core.ONLINE, _core.OFFLINE, _core.PRESENCE, _core.PRESENCE_BATCH})


class Handlers:
    """The ``on_…`` methods and listeners of a client.

    Each ``on_…`` works as a decorator, bare or called with filters, and as a plain call; it
    returns the function as it was.  Handlers run in the order in which they were added, one after
    the other, on the thread that drains the client.  One that raises harms no other: what it
    raised goes to on_error().  One that takes more than a second is warned about once, by name:
    while it runs, where handlers run on a thread of the client's own, else when it returns.
    """

    _core: "Client"
    _registry: Registry
    _reports: Reports
    _scope: PresenceScope
    _warned = False

    # ---- presence

    @overload
    def on_user_online(self, fn: UserHandler, /, **filters: Unpack[Conditions]) -> UserHandler: ...
    @overload
    def on_user_online(
        self, /, **filters: Unpack[Conditions]
    ) -> Callable[[UserHandler], UserHandler]: ...
    def on_user_online(self, fn: Any = None, /, **filters: Unpack[Conditions]) -> Any:
        """Call `fn` with each User who comes online.

        @client.on_user_online
        def greet(user): ...

        @client.on_user_online(uids={"alice"}, roles={"support"})
        def greet_alice(user): ...

        With ``after=30`` only those who are still online 30 seconds later; see on_user_offline().
        """
        return self._attach(_core.ONLINE, fn, filters)

    @overload
    def on_user_offline(self, fn: UserHandler, /, **filters: Unpack[Conditions]) -> UserHandler: ...
    @overload
    def on_user_offline(
        self, /, **filters: Unpack[Conditions]
    ) -> Callable[[UserHandler], UserHandler]: ...
    def on_user_offline(self, fn: Any = None, /, **filters: Unpack[Conditions]) -> Any:
        """Call `fn` with each User who goes offline; takes the filters of on_user_online().

        @client.on_user_offline(after=30)
        def reassign(user): ...

        is called once about whoever is still away 30 seconds after they left.  Who comes back in
        time is not mentioned, and counted in ``stats().flaps``.  While the picture cannot be
        trusted (see SyncState) nothing is guessed: the call waits for the next comparison with
        the server.  Removing the handler or closing the client cancels what waits.

        The seconds are this machine's, from when the change was received: an emulator's manual
        clock does not shorten them.  For tests let the bot take them as an argument, and pass 0.05.
        """
        return self._attach(_core.OFFLINE, fn, filters)

    @overload
    def on_presence(self, fn: EventHandler, /, **filters: Unpack[Conditions]) -> EventHandler: ...
    @overload
    def on_presence(
        self, /, **filters: Unpack[Conditions]
    ) -> Callable[[EventHandler], EventHandler]: ...
    def on_presence(self, fn: Any = None, /, **filters: Unpack[Conditions]) -> Any:
        """Call `fn` with a PresenceEvent for each change, online and offline.

        ``origins={Origin.SNAPSHOT, ...}`` asks for those found online at first, too; a handler
        added later is told at once who is online, by events whose `seq` is 0.  With ``after=30``
        only about changes that last 30 seconds, as with on_user_offline().
        """
        return self._attach(_core.PRESENCE, fn, filters)

    @overload
    def on_presence_batch(
        self, fn: BatchHandler, /, **filters: Unpack[Filters]
    ) -> BatchHandler: ...
    @overload
    def on_presence_batch(
        self, /, **filters: Unpack[Filters]
    ) -> Callable[[BatchHandler], BatchHandler]: ...
    def on_presence_batch(self, fn: Any = None, /, **filters: Unpack[Filters]) -> Any:
        """Call `fn` with a list of PresenceEvents, as many as there are at once: for those who
        write them somewhere."""
        return self._attach(_core.PRESENCE_BATCH, fn, filters, takes=Filters)

    # ---- the connection

    @overload
    def on_connected(self, fn: NumberHandler, /) -> NumberHandler: ...
    @overload
    def on_connected(self, /) -> Callable[[NumberHandler], NumberHandler]: ...
    def on_connected(self, fn: Any = None, /) -> Any:
        """Call `fn(generation)` when the server accepted us; generation counts the times."""
        return self._attach(_core.CONNECTED, fn)

    @overload
    def on_connecting(self, fn: AttemptHandler, /) -> AttemptHandler: ...
    @overload
    def on_connecting(self, /) -> Callable[[AttemptHandler], AttemptHandler]: ...
    def on_connecting(self, fn: Any = None, /) -> Any:
        """Call `fn(attempt, delay)` when an attempt begins: 1 for the first, after `delay` s."""
        return self._attach(_core.CONNECTING, fn)

    @overload
    def on_disconnected(self, fn: DisconnectHandler, /) -> DisconnectHandler: ...
    @overload
    def on_disconnected(self, /) -> Callable[[DisconnectHandler], DisconnectHandler]: ...
    def on_disconnected(self, fn: Any = None, /) -> Any:
        """Call `fn` with a Disconnect when a connection ended, whoever ended it."""
        return self._attach(_core.DISCONNECTED, fn)

    @overload
    def on_synced(self, fn: SyncHandler, /) -> SyncHandler: ...
    @overload
    def on_synced(self, /) -> Callable[[SyncHandler], SyncHandler]: ...
    def on_synced(self, fn: Any = None, /) -> Any:
        """Call `fn` with a SyncReport when the picture was compared with the server's."""
        return self._attach(_core.SYNCED, fn)

    @overload
    def on_degraded(self, fn: ReasonHandler, /) -> ReasonHandler: ...
    @overload
    def on_degraded(self, /) -> Callable[[ReasonHandler], ReasonHandler]: ...
    def on_degraded(self, fn: Any = None, /) -> Any:
        """Call `fn(reason)` when events can no longer be relied on to be complete."""
        return self._attach(_core.DEGRADED, fn)

    @overload
    def on_error(self, fn: ErrorHandler, /) -> ErrorHandler: ...
    @overload
    def on_error(self, /) -> Callable[[ErrorHandler], ErrorHandler]: ...
    def on_error(self, fn: Any = None, /) -> Any:
        """Call `fn(exception, where)` for what went wrong in a handler or on the connection.

        `where` is "connection", "synchronisation", "frame", "network thread", "token_provider",
        or says which handler.
        Without such a handler these go to the logger ``"cometpresence"``.
        """
        if fn is None:
            return self.on_error
        if self._core.closed:
            raise closed_error()
        self._reports.add(self._check_error_handler(fn), place_of(fn))
        self._listeners_wait()
        return fn

    # ---- listener objects

    def add_listener(
        self,
        listener: UserListener | ConnectionListener | LoginListener,
        /,
        *,
        id: str | None = None,
    ) -> Subscription:
        """Attach a listener object; the same id replaces, and goes to the end of the order.

            with client.add_listener(UserListener(on_user_online=greet)):
                ...  # it listens until here, or until remove()

        Any object with methods of these names will do, but no bare mapping: here that would not
        say whether it is about users, the connection or logins.
        """
        handlers = handlers_of(listener, FAMILIES, self._check_handler)
        if id is None:
            id = self._registry.make_id(listener)
        return self._register(id, handlers, HANDLER_ORIGINS)

    def remove_listener(self, id: str, /) -> bool:
        """Detach what has this id, handler or listener; False when there is none."""
        return self._registry.remove(id)

    # ---- how

    def _check_handler(self, fn: object, what: str = "A handler") -> Callable[..., object]:
        return check_function(fn, what)

    def _check_error_handler(self, fn: object) -> Callable[..., object]:
        handler = self._check_handler(fn)
        check_takes(handler, ("exception", "where"), "on_error's handler")
        return handler

    def _attach(
        self,
        wanted: int,
        fn: Any,
        filters: Filters | Conditions | None = None,
        takes: type = Conditions,
    ) -> Any:
        if fn is None:
            return lambda fn: self._attach(wanted, self._check_handler(fn), filters, takes)
        filters = filters or {}
        if unknown := filters.keys() - takes.__annotations__.keys():
            known = ", ".join(takes.__annotations__)
            raise TypeError(f"unknown filter: {', '.join(sorted(unknown))}; there are {known}")
        kind = _KINDS[wanted]
        check_takes(self._check_handler(fn), kind.told, f"{kind.name}'s handler")
        wants = about(filters.get("uids"), filters.get("roles"))
        origins = check_origins(filters.get("origins", HANDLER_ORIGINS))
        if (id := filters.get("id")) is None:
            id = self._registry.make_id(fn)
        if (after := check_seconds(filters.get("after", 0.0), "after")) > 0:
            handlers = _debounced(self._core, after, wanted, fn, wants, origins)
            origins |= HANDLER_ORIGINS  # they take changes back, whether or not they are wanted
        else:
            handlers = {wanted: fn if wants is None else _filtered(wanted, fn, wants)}
        self._register(id, handlers, origins)
        return fn

    def _register(
        self, id: str, handlers: dict[int, Callable[..., object]], origins: Set[Origin]
    ) -> Subscription:
        if self._core.closed:
            raise closed_error()
        if not self._warned and self._scope.is_empty and _PRESENCE & handlers.keys():
            self._warned = True
            warn(
                "nobody's presence is subscribed to, so this will never be called: "
                "AppSettingsBuilder().subscribe_presence_for_all_users() or "
                "presence=PresenceScope.all_users() subscribes"
            )
        bits = sum(1 << origin.value for origin in origins)
        subscription = self._registry.add(id, handlers, bits)
        self._listeners_wait()
        return subscription

    def _listeners_wait(self) -> None:
        """There is somebody to deliver to now."""


def _filtered(
    wanted: int, fn: Callable[..., object], wants: "Callable[[User], bool]"
) -> Callable[..., object]:
    """`fn`, called only about these users; origins are the core's to look at."""

    def about_user(user: "User") -> object:
        return fn(user) if wants(user) else None

    def about_event(event: "PresenceEvent") -> object:
        return fn(event) if wants(event.user) else None

    def about_batch(events: "list[PresenceEvent]") -> object:
        wanted_events = [event for event in events if wants(event.user)]
        return fn(wanted_events) if wanted_events else None

    filtered: dict[int, Callable[..., object]] = {
        _core.PRESENCE: about_event,
        _core.PRESENCE_BATCH: about_batch,
    }
    return filtered.get(wanted, about_user)


def _debounced(
    core: "Client",
    after: float,
    wanted: int,
    fn: Callable[..., object],
    wants_user: "Callable[[User], bool] | None",
    origins: Set[Origin],
) -> dict[int, Callable[..., object]]:
    """What to register so that `fn` is called only about changes that last."""

    def wants(event: "PresenceEvent") -> bool:
        return (
            wanted in (_core.PRESENCE, _core.ONLINE if event.online else _core.OFFLINE)
            and event.origin in origins
            and (wants_user is None or wants_user(event.user))
        )

    def deliver(event: "PresenceEvent") -> object:
        return fn(event) if wanted == _core.PRESENCE else fn(event.user)

    return Debounce(core, after, wants, deliver).handlers
