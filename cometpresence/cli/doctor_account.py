"""What a client does, one step at a time: settings, login, socket, presence."""

import platform
import ssl
import time
from types import TracebackType
from typing import Self

from .. import (
    AppSettingsBuilder,
    AuthError,
    CometChatException,
    Disconnect,
    PresenceClient,
    PresenceScope,
    __version__,
)
from .._core import LIBRARIES
from .credentials import CredentialsError, Settings
from .doctor_findings import Finding, Trouble, warning
from .failures import LATER, fix_for

__all__ = ["Login", "libraries", "who_and_where"]

CAP = 1000  # users online, beyond which CometChat stops telling presence reliably
_SOCKET_FIX = "let WebSocket upgrades through: some proxies and firewalls pass only plain HTTPS"


def libraries() -> Finding:
    """What this runs with."""
    lws, openssl = LIBRARIES["libwebsockets"].rstrip("-"), LIBRARIES["OpenSSL"]
    detail = (
        f"cometpresence {__version__}, Python {platform.python_version()}, "
        f"libwebsockets {lws}, {_without_date(openssl)}"
    )
    if openssl != ssl.OPENSSL_VERSION:
        detail += f" (Python's own: {_without_date(ssl.OPENSSL_VERSION)})"
    return Finding(detail)


def _without_date(version: str) -> str:
    return " ".join(version.split()[:2])


def who_and_where(settings: Settings, login: "Login") -> Finding:
    """What there is to log in with, and where it was found; secrets are named, not shown."""
    try:
        login.prepare()
    except CredentialsError as error:
        raise Trouble("not enough to log in with", error.message.rstrip(".")) from error
    except CometChatException as error:
        given = ", ".join(f"{key} ({source})" for key, source in settings.sources.items())
        raise Trouble(
            str(error), fix_for(error) or f"put right what it is about: {given}"
        ) from error
    shown = {key: value for key, value in settings.values.items() if not key.startswith("auth_")}
    parts = [
        f"{key} {shown[key]} ({source})" if key in shown else f"{key} ({source})"
        for key, source in settings.sources.items()
    ]
    detail = "\n".join(parts)
    return warning(detail, settings.warning) if settings.warning else Finding(detail)


class Login:
    """One client, and its first steps."""

    def __init__(self, settings: Settings, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout
        self._client: PresenceClient | None = None
        self.is_valid: bool = False
        """Whether we are logged in: who is refused at the socket is so no more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.client.close()

    @property
    def client(self) -> PresenceClient:
        assert self._client is not None
        return self._client

    @property
    def servers(self) -> list[str]:
        """The URLs that are gone to: the first only with a key, each once."""
        admin, client = self.client.servers
        return list(
            dict.fromkeys([admin, client] if "auth_key" in self._settings.values else [client])
        )

    def prepare(self) -> None:
        """Make the client; CometChatException or CredentialsError when that is impossible."""
        self._client = self._settings.account().client(
            settings=AppSettingsBuilder().auto_establish_socket_connection(False).build(),
            presence=PresenceScope.all_users(),
            dispatch="none",
            connect_timeout=self._timeout,
        )

    def log_in(self) -> Finding:
        try:
            me = self.client.login()
        except CometChatException as error:
            raise self._trouble(error, LATER) from error
        self.is_valid = True
        return Finding(f"as {me.name or me.uid}" + (f" ({me.uid})" if me.name else ""))

    def open_socket(self) -> Finding:
        """The socket, authenticated; whatever ends the first attempt is the finding."""
        client, ended = self.client, list[Trouble | None]()

        @client.on_disconnected
        def lost(how: Disconnect) -> None:
            if how.will_retry:  # else an error follows, which says more
                ended.append(_lost(how))

        client.on_connected(lambda generation: ended.append(None))
        client.on_error(lambda error, where: ended.append(self._trouble(error, _SOCKET_FIX)))
        client.connect()
        end = time.monotonic() + self._timeout
        while not ended and (left := end - time.monotonic()) > 0:
            client.wait(left)
            client.drain()
        if not ended:
            raise Trouble("no connection in time", _SOCKET_FIX)
        if ended[0] is not None:
            raise ended[0]
        return Finding("connected and accepted")

    def compare(self) -> Finding:
        try:
            report = self.client.wait_synced(timeout=self._timeout)
        except CometChatException as error:
            raise self._trouble(error, LATER) from error
        pages = "1 page" if report.pages == 1 else f"{report.pages:,} pages"
        return Finding(f"in sync: {report.online:,} online, {pages} looked at")

    def count(self) -> Finding:
        try:
            online = self.client.online_user_count()
        except CometChatException as error:
            return warning(
                str(error), "without the server's count, lost events go unnoticed longer"
            )
        if online > CAP:
            detail = f"{online:,} users online, and CometChat tells presence reliably up to {CAP:,}"
            return warning(
                detail, "subscribe to roles or friends, and compare often: resync=Resync(every=60)"
            )
        return Finding(f"the server counts {online:,} online")

    def _trouble(self, error: BaseException, otherwise: str) -> Trouble:
        self.is_valid = self.is_valid and not isinstance(error, AuthError)
        if isinstance(error, CometChatException):
            return Trouble(" ".join(str(error).split()), fix_for(error) or otherwise)
        return Trouble(str(error), otherwise)


def _lost(how: Disconnect) -> Trouble:
    said = f": {how.reason}" if how.reason else ""
    return Trouble(f"the connection ended with code {how.code}{said}", _SOCKET_FIX)
