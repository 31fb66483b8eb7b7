"""What a client is, whichever way its calls wait."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, NoReturn, Self, SupportsIndex

from . import _core, _process
from ._arguments import check_loopback_url, check_takes, check_text, refuse_coroutine
from ._certificates import ca_file_of
from .errors import ClientClosed, ConfigError
from .handlers import Handlers
from .listeners import Registry
from .presence import PresenceView
from .reports import Reports
from .settings import AppSettings, PresenceScope, Reconnect, Resync
from .values import ConnectionStatus, Stats
from .watch import WATCH

__all__ = ["BATCH", "CLOSE_TIMEOUT", "_Common", "deliver", "provided_token"]

CLOSE_TIMEOUT = 2.0
BATCH = 256


class _Common(Handlers):
    """What a client is, whichever way its calls wait."""

    _advice = (
        "no other handler was called meanwhile: hand long work to a thread, such as a "
        "ThreadPoolExecutor's, or to a queue of your own"
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
        token_provider: Callable[[], str] | None = None,
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
        dispatch: Literal["thread", "none"] = "thread",
    ) -> None:
        if not isinstance(settings, AppSettings | None):
            raise ConfigError(
                "INVALID_PARAMETER",
                f"The settings must be AppSettings, as AppSettingsBuilder.build() returns them, "
                f"not {type(settings).__name__}.",
            )
        if dispatch not in ("thread", "none"):
            raise ConfigError(
                "INVALID_PARAMETER", f'dispatch is "thread" or "none", not {dispatch!r}.'
            )
        if token_provider is not None:
            check_takes(
                self._check_handler(token_provider, "The token provider"), (), "The token provider"
            )
        for value, kind, what in (
            (presence, PresenceScope | None, "presence"),
            (reconnect, Reconnect, "reconnect"),
            (resync, Resync, "resync"),
        ):
            if not isinstance(value, kind):
                raise ConfigError("INVALID_PARAMETER", f"{what} must be a {kind}, not {value!r}.")
        if settings is None:
            settings = AppSettings(presence=PresenceScope.all_users())
        self._app_id = _check_given(app_id, "app_id")
        self._uid = uid if uid is None else check_text(uid, "uid")
        self._auth_key = auth_key if auth_key is None else check_text(auth_key, "auth key")
        self._auth_token = (
            auth_token if auth_token is None else check_text(auth_token, "auth token")
        )
        self._token_provider: Callable[[], Any] | None = token_provider
        self._scope = settings.presence if presence is None else presence
        self._timeout = connect_timeout
        self._reports = Reports(self._advice)
        endpoint = _emulator_endpoint() if endpoint is None else endpoint
        self._core = _core.Client(
            app_id=self._app_id,
            region=region or settings.region or None,
            subscription=self._scope.subscription,
            roles=self._scope.role_names,
            watched=self._scope.watched,
            watched_every=self._scope.watched_every,
            auto_connect=settings.auto_connect,
            admin_host=settings.admin_host,
            client_host=settings.client_host,
            endpoint=endpoint,
            ca_file=ca_file_of(ca_file, endpoint),
            has_token_provider=token_provider is not None,
            allow_plaintext=allow_plaintext,
            reconnect=(
                reconnect.base,
                reconnect.cap,
                reconnect.floor,
                reconnect.max_attempts,
                reconnect.stable_after,
            ),
            resync=(
                resync.on_connect,
                resync.audit_after,
                resync.every,
                resync.whole,
                resync.page_size,
            ),
            queue_size=queue_size,
            max_users=max_users,
            connect_timeout=connect_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            report=self._reports,
        )
        self._registry = Registry(self._core)
        self._presence = PresenceView(self._core)
        self._dispatch = dispatch
        self._dispatcher: threading.Thread | None = None
        self._dispatcher_lock = threading.Lock()
        self._has_waited = False  # for a handler that was still running at close()
        self._provider_thread: threading.Thread | None = None
        self._is_in_use = False
        _process.remember(self)

    @classmethod
    def from_env(cls, **kw: Any) -> Self:
        """A client made from COMETCHAT_APP_ID, COMETCHAT_REGION, COMETCHAT_UID, COMETCHAT_AUTH_KEY
        and COMETCHAT_AUTH_TOKEN, as far as they are set; `kw` are further arguments and win.

        What is missing is a ConfigError that names the variable and the argument: the app id and
        the region here, whom to log in as at login().
        """
        names = ("app_id", "region", "uid", "auth_key", "auth_token")
        given = {name: os.environ.get(f"COMETCHAT_{name.upper()}") for name in names}
        return cls(**{name: value for name, value in given.items() if value} | kw)

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        """Neither copied nor pickled: it is one connection."""
        raise TypeError(
            f"{type(self).__name__} cannot be copied or pickled: it is one connection; make another"
        )

    # ---- who and where

    @property
    def app_id(self) -> str:
        """The CometChat app."""
        return self._app_id

    @property
    def uid(self) -> str | None:
        """Who is logged in; before that, who would be."""
        me = self._core.me
        return self._uid if me is None else me.uid

    @property
    def presence(self) -> PresenceView:
        """Who is online, as far as is known: a live mapping from uid to User."""
        return self._presence

    @property
    def connection_status(self) -> ConnectionStatus:
        """CONNECTED means authenticated, not merely open."""
        return self._core.connection_status

    @property
    def servers(self) -> tuple[str, str]:
        """The URLs requests go to: with the auth key, and with an auth token.

        As the client was made; once logged in the server may name others.
        """
        return self._core.servers

    def stats(self) -> Stats:
        """Counters since the client was made."""
        return self._core.stats()

    def __repr__(self) -> str:
        try:
            state = "closed" if self._core.closed else self.connection_status.value
            uid = self.uid
        except ClientClosed:
            state, uid = "of another process", self._uid
        return f"<{type(self).__name__} app_id={self._app_id!r} uid={uid!r} {state}>"

    # ---- the bell

    def fileno(self) -> int:
        """A descriptor to poll for reading in a loop of your own; readable: call drain().

        For ``dispatch="none"``.  It belongs to the client: don't read it, don't close it.
        """
        return self._core.fileno()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until there is something to drain; at most `timeout` seconds, None: for ever.

        False: nothing came in time, or the client is closed and all is told.
        """
        return self._core.wait(timeout)

    def drain(self, max_events: int = BATCH) -> int:
        """Call the handlers of what has come, at most `max_events` of it, on this thread.

        Never sleeps; returns how many events were delivered.  Called by a handler it returns 0.
        """
        return self._core.drain(max_events)

    # ---- how

    def _credentials(
        self, uid: str | None, auth_key: str | None, auth_token: str | None
    ) -> tuple[str | None, str | None, str | None] | None:
        """What to log in with: what is given, completed by what the client was made with.

        None: a token that the provider is to be asked for.
        """
        if auth_token is not None:
            return None, None, check_text(auth_token, "auth token")
        if uid is None and auth_key is None and self._auth_token is not None:
            return None, None, self._auth_token
        auth_key = self._auth_key if auth_key is None else auth_key
        if auth_key is None and self._token_provider is not None:
            return None
        uid = self._uid if uid is None else uid
        return _check_given(uid, "uid"), _check_given(auth_key, "auth_key"), None

    # ---- the dispatch thread

    def _listeners_wait(self) -> None:
        """Start the dispatch thread once there is somebody to tell and something may come: a client
        that was only made and dropped leaves no thread behind."""
        if self._dispatch == "none" or not self._is_in_use:
            return
        if not (self._registry or self._reports):
            return
        self._start_dispatcher()

    def _start_dispatcher(self) -> None:
        with self._dispatcher_lock:
            if self._dispatcher is None and not self._core.closed:
                self._dispatcher = threading.Thread(
                    target=_dispatch,
                    args=(self._core, self._reports),
                    name="cometpresence dispatch",
                    daemon=True,
                )
                self._dispatcher.start()

    def _begin_use(self) -> None:
        self._is_in_use = True
        self._listeners_wait()
        self._start_provider()

    def _start_provider(self) -> None:
        """A thread of its own asks the token provider: a handler that waits for an answer may be
        what needs the new token."""
        if self._token_provider is None or self._core.closed:
            return
        with self._dispatcher_lock:
            if self._provider_thread is None:
                self._provider_thread = threading.Thread(
                    target=_provide_tokens,
                    args=(self._core, self._token_provider, self._reports),
                    name="cometpresence token provider",
                    daemon=True,
                )
                self._provider_thread.start()

    def _close_at_exit(self, timeout: float) -> None:
        self._close(timeout)

    def _close(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with suppress(ClientClosed):  # in a forked child there is nothing of ours to close
            self._core.close(timeout)
        self._reports.alarm.set()
        dispatcher = self._dispatcher
        if dispatcher is None or dispatcher is threading.current_thread():
            return
        # A Ctrl-C in its start() leaves one that join() would refuse.
        if dispatcher.is_alive() and not self._has_waited:
            dispatcher.join(max(0.0, deadline - time.monotonic()))
            self._has_waited = dispatcher.is_alive()


# ---- what may come from the environment

_INSTEAD = {  # of what is missing, besides itself
    "uid": "; an auth_token= needs no uid",
    "auth_key": "; an auth_token=, or COMETCHAT_AUTH_TOKEN, does as well",
}


def _check_given(value: object, name: str) -> str:
    """`value`, which must be text; the error for none says by which `name` to give it, and where
    from_env() would have found it."""
    what = name.replace("_", " ")
    if value is None or value == "":
        raise ConfigError(
            "MISSING_PARAMETERS",
            f"The {what} is missing: give {name}=, or set COMETCHAT_{name.upper()} and make the "
            f"client by from_env(){_INSTEAD.get(name, '')}.",
        )
    return check_text(value, what)


def _emulator_endpoint() -> str | None:
    url = os.environ.get("COMETPRESENCE_EMULATOR")
    return check_loopback_url(url, "COMETPRESENCE_EMULATOR") if url else None


# ---- what other threads run: none of it holds a client, so that one can be dropped


def deliver(
    core: _core.Client, reports: Reports, after_each: Callable[[], object] | None = None
) -> None:
    """Deliver until the client is closed and all is told."""
    while core.wait(None):
        if WATCH.wants_stir:  # a call would cost more than what it guards
            WATCH.stir()
        try:
            core.drain(BATCH)
        except Exception as error:  # not a handler's, those are reported one by one
            reports(error, "drain")
        if after_each is not None:
            after_each()


def _dispatch(core: _core.Client, reports: Reports) -> None:
    with WATCH.over(core):
        deliver(core, reports)


def provided_token(provide: Callable[[], object]) -> str:
    """What a token provider returns."""
    return check_text(refuse_coroutine(provide(), "The token provider"), "provided auth token")


def _provide_tokens(core: _core.Client, provide: Callable[[], str], reports: Reports) -> None:
    """Ask the provider whenever the server no longer takes our token, until the client is closed."""
    with suppress(ClientClosed):
        while True:
            core.await_demand()
            token = None
            try:
                token = provided_token(provide)
            except BaseException as error:  # SystemExit, too: this thread is needed
                reports(error, "token_provider")
            core.answer_token(token)
