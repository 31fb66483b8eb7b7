"""PresenceClient: CometChat presence without process-wide state."""

import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._arguments import check_text, warn
from ._loops import loop_runs_here
from .base import CLOSE_TIMEOUT, _Common, deliver, provided_token
from .errors import ClientClosed, ConfigError, NotConnectedError, RequestTimeout
from .handlers import HANDLER_ORIGINS
from .streams import EventIterator, Overflow
from .users import UsersRequestBuilder, request_for, walk
from .values import ConnectionStatus, Origin, SyncReport
from .waiters import Waiters

if TYPE_CHECKING:
    from ._core import User

__all__ = ["PresenceClient"]

# A signal that comes just before the main thread falls asleep, or to another, does not wake it.
SIGNAL_SLICE = 0.1


class PresenceClient(_Common, Waiters):
    """A connection to CometChat that knows who is online; make as many as you like.

        with PresenceClient(APP_ID, region="us", uid="superhero1", auth_key=AUTH_KEY) as client:

            @client.on_user_online
            def greet(user):
                print(user.name, "is here")

            client.run_forever()

    `settings` are those of CometChat's AppSettingsBuilder; `region` and `presence` go before them,
    and without settings everybody's presence is subscribed to.  Log in with `uid` and `auth_key`,
    with an `auth_token`, or with a `token_provider`: a function that returns a fresh auth token,
    called when the server no longer accepts the old one.

    Handlers run on one thread per client, which begins when there is a handler and a login, and
    keeps the client at work until close().  With ``dispatch="none"`` there is no thread: call
    wait() and drain() yourself.  Every method may be called from any thread and, but for
    run_forever(), by a handler; those that ask the server block up to `connect_timeout` seconds
    and raise a CometChatException.

    `reconnect` and `resync` say when to try again and when to compare with the server;
    `queue_size` changes are kept in order behind a slow handler before they fold into one per
    user; users beyond `max_users` are not tracked.  `endpoint` sends everything to one URL, such as
    the emulator's, and `ca_file` replaces the system's certificates (which are those that
    SSL_CERT_FILE or SSL_CERT_DIR name, else the system's, else certifi's); the environment variables
    COMETPRESENCE_EMULATOR (loopback only) and COMETPRESENCE_CA_FILE do so when they are not given.
    Plain http is for this machine; `allow_plaintext` sends credentials in the clear to others, too.
    """

    # ---- life

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not getattr(self, "_is_in_use", False) or self._dispatcher is not None:
            return  # could not be made, or works on for its handlers
        with suppress(ClientClosed):  # in a forked child it is not ours
            if self.connection_status is not ConnectionStatus.DISCONNECTED:
                _warn(f"unclosed {self!r}: use with, or close()", ResourceWarning, source=self)

    def __enter__(self) -> Self:
        """Log in, connect and wait until synchronised, each at most `connect_timeout` seconds.

        On failure the client is closed.
        """
        try:
            self.login()
            self.connect()
            self.wait_synced(timeout=self._timeout)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    if not TYPE_CHECKING:  # checkers see by themselves that these are not there

        async def __aenter__(self):
            raise TypeError("PresenceClient blocks: write `with`, or use AsyncPresenceClient")

        async def __aexit__(self, *_): ...

    def login(
        self, uid: str | None = None, auth_key: str | None = None, *, auth_token: str | None = None
    ) -> "User":
        """Log in and return the user; what is not given is what the client was made with.

        Opens the socket too, unless the settings say ``auto_establish_socket_connection(False)``;
        does not wait for it.  Who is logged in already is returned from memory; somebody else is
        logged out first, whatever becomes of the new login (the server is not told, as in
        CometChat's own SDK).  AuthError carries the server's code and message, and nothing is retried.
        """
        credentials = self._credentials(uid, auth_key, auth_token)
        if credentials is None:
            credentials = None, None, self._provided_token()
        self._begin_use()
        return self._core.login(*credentials, self._timeout)

    def logout(self) -> None:
        """Give the auth token back and close the socket.  Listeners stay."""
        self._core.logout(self._timeout)

    def connect(self) -> None:
        """Open the socket and keep it open, reconnecting for as long as it takes; doesn't wait.

        Needed after disconnect(), and when login() does not do it.  AuthError if nobody is logged
        in.
        """
        self._begin_use()
        self._core.connect()

    def disconnect(self) -> None:
        """Close the socket and stay logged in; returns when it is closed."""
        self._core.disconnect(self._timeout)

    def close(self) -> None:
        """Disconnect for good and end the dispatch thread, in at most 2 seconds.

        Idempotent, from any thread, also inside a handler.  The auth token stays valid; logout()
        gives it back.
        """
        self._close(CLOSE_TIMEOUT)

    def run_forever(self) -> None:
        """Log in and connect, unless that is done, and return when the client is closed.

        Ctrl-C closes it.  When the server refuses us for good, or the attempts that `reconnect`
        allows are used up, that error is raised.  With ``dispatch="none"`` handlers run here, on
        the calling thread.
        """
        if self._dispatcher is threading.current_thread():
            raise ConfigError("INVALID_PARAMETER", "A handler must not call run_forever().")
        try:
            if self._core.me is None:
                self.login()
            self.connect()
            if self._dispatch == "none":
                deliver(self._core, self._reports, self._check_connection)
            else:
                self._start_dispatcher()
                while not self._core.closed:
                    self._reports.alarm.wait(SIGNAL_SLICE)
                    self._check_connection()
        except KeyboardInterrupt:
            self.close()

    # ---- synchronisation

    def wait_synced(self, *, timeout: float | None = None) -> SyncReport:
        """Wait until the picture is complete: connected, and compared with the server.

        The report of a comparison made before this call has ``online`` as it is now and does not
        tell again who came and went.  Without a presence subscription until connected.
        RequestTimeout after `timeout` seconds; AuthError or another when it cannot succeed.
        """
        return self._core.await_sync(timeout)

    def resync(self, *, timeout: float | None = None) -> SyncReport:
        """Compare with the server now; what changed unnoticed is told with Origin.RESYNC.

        There is one comparison at a time: while one is under way, those who ask share the next,
        which begins when it ends.  RequestTimeout after `timeout` seconds, or RateLimited if the
        server asked for a longer silence; a server that fails is not asked again any sooner.
        """
        return self._core.resync(timeout)

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
    ) -> EventIterator:
        """What happens from this call on, to iterate over; needs no handler and no thread.

            for event in client.events(roles={"support"}, timeout=60, stop_after=10):
                print(event.user.name, event.user.status)

        `uids`, `roles` and `origins` choose, as for on_presence(); `snapshot` begins with those
        who are online.  It ends once all was read that came within `timeout` seconds, after
        `stop_after` events, and when the client or the stream is closed; it raises when the server
        refuses the client for good.  In between it waits through reconnects.

        Behind a slow reader `maxsize` changes are kept in order.  Further ones fold into one per
        user ("coalesce"), push out the oldest ("drop_oldest", counted by ``dropped``), or end the
        stream with StreamOverflow ("error").  Any thread may iterate, also in a handler.
        """
        return EventIterator(
            self,
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
        """A builder for lists of users, page by page, bound to this client."""
        return UsersRequestBuilder(self._fetch_page)

    def users(self, **filters: Any) -> "Iterator[User]":
        """All users that pass the filters, fetched page by page as you iterate.

        Filters are named as UsersRequestBuilder's methods: status, role, roles, tags, uids,
        search_keyword, search_in, friends_only, hide_blocked_users, with_tags, sort_by,
        sort_by_order, page, limit.  A wrong one is a ConfigError at once.
        """
        return walk(request_for(self.users_request(), filters))

    def get_user(self, uid: str) -> "User":
        """One user as the server knows them now; ERR_UID_NOT_FOUND if there is none."""
        return self._core.get_user(check_text(uid, "uid"), self._timeout)

    def online_user_count(self) -> int:
        """How many users the server counts as online."""
        return self._core.online_user_count(self._timeout)

    # ---- how

    def _begin_use(self) -> None:
        if not self._is_in_use and loop_runs_here():
            warn(
                "PresenceClient blocks, and this thread runs an event loop, which stands still "
                "meanwhile; AsyncPresenceClient does not block it"
            )
        super()._begin_use()

    def _check_connection(self) -> None:
        """Raise why, if the connection has failed and given up."""
        if not self._reports.alarm.is_set():
            return
        self._reports.alarm.clear()
        with suppress(RequestTimeout, NotConnectedError, ClientClosed):
            self._core.await_sync(0.0)  # answered at once, where there is nothing to wait for

    def _provided_token(self) -> str:
        assert self._token_provider is not None
        return provided_token(self._token_provider)

    def _fetch_page(self, **query: Any) -> "tuple[list[User], int]":
        return self._core.get_users(self._timeout, **query)
