"""AsyncPresenceClient: CometChat presence on an event loop."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Set
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, overload

from .._arguments import check_callable, check_takes, check_text, closed_error, not_logged_in
from ..base import BATCH, CLOSE_TIMEOUT, _Common
from ..errors import (
    ClientClosed,
    CometChatException,
    ConfigError,
    NotConnectedError,
    RequestTimeout,
)
from ..handlers import HANDLER_ORIGINS, ErrorHandler
from ..listeners import Subscription
from ..reports import place_of
from ..settings import AppSettings, PresenceScope, Reconnect, Resync
from ..streams import Overflow
from ..users import UsersRequestBuilder, awalk, request_for
from ..values import Origin, SyncReport
from .bell import Bell
from .stream import EventStream
from .turns import Crew, Turns, outcome

if TYPE_CHECKING:
    from .._core import PresenceEvent, User

__all__ = ["AsyncPresenceClient"]


class AsyncPresenceClient(_Common):
    """PresenceClient for asyncio: the same names, and what blocks there is a coroutine here.

        async with AsyncPresenceClient(APP_ID, region="us", uid="superhero1", auth_key=KEY) as client:

            @client.on_user_online
            async def greet(user):
                await say(f"{user.name} is here")

            async for event in client.events(roles={"support"}):
                print(event.user.name, event.user.status)

    Made like PresenceClient, anywhere; from the first call on it belongs to the loop that ran it.
    No thread is started: the network thread, which all clients of the process share, rings a bell
    that the loop watches.  Cancelling a call gives it up and leaves nothing behind.

    Handlers run on the loop's thread.  A coroutine function gets one call at a time, in the order
    of what it is told; one that waits long delays only itself, until 1,024 calls wait for it: then
    all handlers wait, and what happens meanwhile folds as it does behind a slow thread.  For
    something long, start a task of your own.  What a handler raises goes to on_error(); aclose()
    cancels those that still run.

    `token_provider` may be a coroutine function; a plain one runs on the loop's thread.
    """

    _advice = (
        "nothing else ran on the event loop meanwhile: await asyncio.to_thread(...) for what blocks"
    )

    def __init__(
        self,
        app_id: str | None = None,
        settings: AppSettings | None = None,
        *,
        region: str | None = None,
        presence: PresenceScope | None = None,
        uid: str | None = None,
        auth_key: str | None = None,
        auth_token: str | None = None,
        token_provider: Callable[[], str] | Callable[[], Awaitable[str]] | None = None,
        reconnect: Reconnect = Reconnect(),  # noqa: B008 - immutable
        resync: Resync = Resync(),  # noqa: B008
        queue_size: int = 4096,
        max_users: int = 1_000_000,
        connect_timeout: float = 10.0,
        ping_interval: float = 15.0,
        ping_timeout: float = 3.0,
        endpoint: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        allow_plaintext: bool = False,
    ) -> None:
        super().__init__(
            app_id,
            settings,
            region=region,
            presence=presence,
            uid=uid,
            auth_key=auth_key,
            auth_token=auth_token,
            token_provider=token_provider,  # type: ignore[arg-type]
            reconnect=reconnect,
            resync=resync,
            queue_size=queue_size,
            max_users=max_users,
            connect_timeout=connect_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            endpoint=endpoint,
            ca_file=ca_file,
            allow_plaintext=allow_plaintext,
            dispatch="none",
        )
        self._bell = Bell(self._core, self._reports)
        self._crew = Crew()
        self._provider: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    # ---- life

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if self._is_unclosed(_warn):
            self._core.close(0.0)  # begins, and waits for nothing; the bell sees the end

    def _close_at_exit(self, timeout: float) -> None:
        self._is_unclosed(warnings.warn)
        super()._close_at_exit(timeout)

    def _is_unclosed(self, warn: Callable[..., None]) -> bool:
        """Whether a loop used it, and nobody closed it; warns of it."""
        bell = getattr(self, "_bell", None)  # none, if it could not be made
        if bell is None or not bell.is_watched:
            return False
        with suppress(ClientClosed):  # in a forked child it is not ours
            if not self._core.closed:
                warn(
                    f"unclosed {self!r}: use async with, or aclose()", ResourceWarning, source=self
                )
                return True
        return False

    if not TYPE_CHECKING:  # checkers see by themselves that these are not there

        def __enter__(self):
            raise TypeError("AsyncPresenceClient is entered with `async with`, not with `with`")

        def __exit__(self, *_): ...

    async def __aenter__(self) -> Self:
        """Log in, connect and wait until synchronised, each at most `connect_timeout` seconds.

        On failure, and when cancelled, the client is closed.
        """
        try:
            await self.login()
            await self.connect()
            await self.wait_synced(timeout=self._timeout)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await self.aclose()

    async def login(
        self, uid: str | None = None, auth_key: str | None = None, *, auth_token: str | None = None
    ) -> "User":
        """Log in and return the user; what is not given is what the client was made with.

        As PresenceClient.login().
        """
        self._bell.loop()
        credentials = self._credentials(uid, auth_key, auth_token)
        if credentials is None:
            credentials = None, None, await self._provided_token()
        self._begin_use()
        return await self._bell.ask(self._core.start_login, *credentials, self._timeout)

    async def logout(self) -> None:
        """Give the auth token back and close the socket.  Listeners stay."""
        await self._bell.ask(self._core.start_logout, self._timeout)

    async def connect(self) -> None:
        """Open the socket and keep it open, reconnecting for as long as it takes; doesn't wait for
        it.  AuthError if nobody is logged in."""
        self._bell.loop()
        self._begin_use()
        await self._bell.ask(self._core.start_connect)

    async def disconnect(self) -> None:
        """Close the socket and stay logged in; returns when it is closed."""
        await self._bell.ask(self._core.start_disconnect, self._timeout)

    async def aclose(self) -> None:
        """Disconnect for good, end streams and cancel handlers that still run, in at most some 2
        seconds.

        Idempotent, also inside a handler, whose own call goes on.  The auth token stays valid;
        logout() gives it back.
        """
        loop = self._bell.loop_for_closing()
        if loop is None:
            await asyncio.to_thread(self._close, CLOSE_TIMEOUT)
            return
        if self._closing is None:
            self._closing = loop.create_task(self._shut(asyncio.current_task()))
        await asyncio.shield(self._closing)

    close = aclose

    async def run_forever(self) -> None:
        """Log in and connect, unless that is done, and return when the client is closed.

        When the server refuses us for good, or the attempts that `reconnect` allows are used up,
        that error is raised.
        """
        if asyncio.current_task() in self._crew:
            raise ConfigError("INVALID_PARAMETER", "A handler must not call run_forever().")
        self._bell.loop()
        if self._core.me is None:
            await self.login()
        await self.connect()
        while not self._bell.over.is_set():
            await self._bell.trouble.wait()
            self._bell.trouble.clear()
            with suppress(RequestTimeout, NotConnectedError, ClientClosed):
                await self._bell.ask(self._core.start_await_sync, 0.0)

    # ---- synchronisation

    async def wait_synced(self, *, timeout: float | None = None) -> SyncReport:
        """Wait until the picture is complete: connected, and compared with the server.

        As PresenceClient.wait_synced().
        """
        return await self._bell.ask(self._core.start_await_sync, timeout)

    async def resync(self, *, timeout: float | None = None) -> SyncReport:
        """Compare with the server now; what changed unnoticed is told with Origin.RESYNC.

        As PresenceClient.resync().
        """
        return await self._bell.ask(self._core.start_resync, timeout)

    # ---- waiting for somebody

    async def wait_for_online(
        self, uid: str, *, timeout: float | None = None, fresh: bool = False
    ) -> "User":
        """Wait until `uid` is online and return them: at once if they are already and the picture
        is SYNCED; while it is DEGRADED once a comparison made for it says so.

        `fresh` waits for them to come, even if they are here.
        """
        uid = check_text(uid, "uid")
        return await self._bell.ask(self._core.start_await_user, uid, True, fresh, timeout)

    async def wait_for_offline(
        self, uid: str, *, timeout: float | None = None, fresh: bool = False
    ) -> "User":
        """Wait until `uid` is offline and return them: at once if they are already and the picture
        is SYNCED; while it is DEGRADED once a comparison made for it says so.

        `fresh` waits for them to go, even if they are away.  Of somebody never heard of there is
        nothing to return but the uid.
        """
        uid = check_text(uid, "uid")
        return await self._bell.ask(self._core.start_await_user, uid, False, fresh, timeout)

    async def wait_for(
        self,
        predicate: "Callable[[PresenceEvent], bool | Awaitable[bool]]",
        /,
        *,
        timeout: float | None = None,
    ) -> "PresenceEvent":
        """Wait for the next event for which `predicate` is true, and return it.

        It is asked about what happens from now on; as a handler, not about the first snapshot.
        May be a coroutine function.  What it raises ends the wait.
        """
        check_takes(check_callable(predicate, "The predicate"), ("event",), "The predicate")
        if self._core.me is None and not self._core.closed:
            raise not_logged_in()
        async with self.events(timeout=timeout) as events:
            async for event in events:
                answer: object = predicate(event)
                if isinstance(answer, Awaitable):
                    answer = await _within(events._time_left(), answer)
                if answer:
                    return event
        if self._core.closed:
            raise closed_error()
        raise _no_such_event()

    # ---- streams

    def events(
        self,
        *,
        uids: Collection[str] | None = None,
        roles: Collection[str] | None = None,
        origins: Collection[Origin] = HANDLER_ORIGINS,
        snapshot: bool = False,
        timeout: float | None = None,
        stop_after: int | None = None,
        maxsize: int = 1024,
        overflow: Overflow = "coalesce",
    ) -> EventStream:
        """What happens from this call on, to iterate over with ``async for``.

        As PresenceClient.events().  Each stream has a queue of its own; one task reads it.
        """
        return EventStream(
            self,
            self._bell,
            uids=uids,
            roles=roles,
            origins=origins,
            snapshot=snapshot,
            timeout=timeout,
            stop_after=stop_after,
            maxsize=maxsize,
            overflow=overflow,
        )

    # ---- asking the server

    def users_request(self) -> UsersRequestBuilder:
        """A builder for lists of users, page by page, bound to this client: afetch_next()."""
        return UsersRequestBuilder(_refuse_to_block, self._fetch_page)

    def users(self, **filters: Any) -> "AsyncIterator[User]":
        """All users that pass the filters, fetched page by page as you iterate with ``async for``.

        Filters are those of PresenceClient.users().  A wrong one is a ConfigError at once.
        """
        return awalk(request_for(self.users_request(), filters))

    async def get_user(self, uid: str) -> "User":
        """One user as the server knows them now; ERR_UID_NOT_FOUND if there is none."""
        uid = check_text(uid, "uid")
        return await self._bell.ask(self._core.start_get_user, uid, self._timeout)

    async def online_user_count(self) -> int:
        """How many users the server counts as online."""
        return await self._bell.ask(self._core.start_online_user_count, self._timeout)

    # ---- what the loop does

    def wait(self, timeout: float | None = None) -> bool:
        """Not here: the loop waits."""
        raise _driven_by_loop()

    def drain(self, max_events: int = BATCH) -> int:
        """Not here: the loop drains."""
        raise _driven_by_loop()

    # ---- handlers

    @overload
    def on_error(self, fn: ErrorHandler, /) -> ErrorHandler: ...
    @overload
    def on_error(self, /) -> Callable[[ErrorHandler], ErrorHandler]: ...
    def on_error(self, fn: Any = None, /) -> Any:
        """Call `fn(exception, where)` for what went wrong in a handler or on the connection.

        As PresenceClient.on_error(); may be a coroutine function.
        """
        if fn is None:
            return self.on_error
        if self._core.closed:
            raise closed_error()
        where = place_of(fn)
        turns = self._turns(
            lambda told, failure: self._reports.handler_failed(failure, *told),
            lambda _, seconds: self._reports.took(where, seconds),
        )
        handler = self._check_error_handler(fn)
        self._reports.add(lambda *told: turns.taking(told, handler)(*told), where)
        return fn

    def _check_handler(self, fn: object, what: str = "A handler") -> Callable[..., object]:
        return check_callable(fn, what)

    def _register(
        self, id: str, handlers: dict[int, Callable[..., object]], origins: Set[Origin]
    ) -> Subscription:
        turns = self._turns(
            lambda kind, error: self._core.handler_failed(kind, id, error),
            lambda kind, seconds: self._core.handler_was_slow(kind, id, seconds),
        )
        taking = {kind: turns.taking(kind, handler) for kind, handler in handlers.items()}
        subscription = super()._register(id, taking, origins)
        turns.is_wanted = lambda: subscription.active
        return subscription

    def _turns(
        self,
        failed: Callable[[Any, BaseException], object],
        slow: Callable[[Any, float], object],
    ) -> Turns:
        return Turns(self._crew, failed, slow, self._bell.hold, self._bell.release)

    # ---- how

    def _begin_use(self) -> None:
        self._is_in_use = True
        if self._token_provider is not None and self._provider is None and not self._core.closed:
            self._provider = self._crew.start(self._provide_tokens())

    async def _provided_token(self) -> str:
        assert self._token_provider is not None
        token: object = self._token_provider()
        if isinstance(token, Awaitable):
            token = await token
        return check_text(token, "provided auth token")

    async def _provide_tokens(self) -> None:
        """Ask the provider whenever the server no longer takes our token."""

        token: str | None = None

        async def provide() -> None:
            nonlocal token
            token = await self._provided_token()

        def took(seconds: float) -> None:
            self._reports.took("token_provider", seconds)

        with suppress(ClientClosed):
            while True:
                await self._bell.ask(self._core.start_await_demand)
                token = None
                error = await outcome(provide(), took)
                if error is not None:
                    self._reports(error, "token_provider")
                self._core.answer_token(token)

    async def _fetch_page(self, **query: Any) -> "tuple[list[User], int]":
        return await self._bell.ask(self._core.start_get_users, self._timeout, **query)

    async def _shut(self, caller: "asyncio.Task[Any] | None") -> None:
        """What aclose() does once, however often and wherever it is called."""
        self._core.close(0.0)  # begins, and waits for nothing
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self._bell.is_held:  # by handlers that will not be waited for
                    await self._crew.dismiss(caller)
                await self._bell.over.wait()
        self._bell.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._crew.dismiss(caller)


async def _within(seconds: float | None, awaitable: Awaitable[object]) -> object:
    """What is awaited; a TimeoutError of its own is no RequestTimeout."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise _no_such_event() from None
        raise


def _no_such_event() -> RequestTimeout:
    return RequestTimeout("ERR_TIMEOUT", "No such event came in time.")


def _refuse_to_block(**query: Any) -> NoReturn:
    raise CometChatException(
        "EVENT_LOOP_RUNNING",
        "This request belongs to an AsyncPresenceClient: await request.afetch_next().",
    )


def _driven_by_loop() -> CometChatException:
    return CometChatException(
        "EVENT_LOOP_RUNNING",
        "The event loop waits for an AsyncPresenceClient and drains it; "
        'for a loop of your own use PresenceClient(dispatch="none").',
    )
