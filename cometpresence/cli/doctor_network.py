"""The way to a server, one step at a time, by the standard library: a second opinion."""

import http.client
import os
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from .._certificates import system_file
from .doctor_findings import Finding, Trouble, warning
from .failures import SPEAKS_PLAIN, is_plain
from .output import length, span

__all__ = ["Host", "compare_clocks"]

SOON = 14 * 86400  # seconds; a certificate that ends within is warned about
_SILENCE = "no answer in time"
_DOWN = {500, 502, 503, 504}
WRONG = 5.0  # seconds between two clocks that are worth a word
_COMPARE = "compare app id and region with CometChat's dashboard"
_CLOCK = "set this machine's clock, for example with `timedatectl set-ntp true`"
_FIX_OF_VERIFICATION = {  # OpenSSL's X509_V_ERR_…
    9: _CLOCK,
    10: f"if the date is wrong, {_CLOCK}; else the server needs a new certificate",
    62: "it belongs to somebody else: see who answers under this name",
    64: "it belongs to somebody else: see who answers at this address",
}
_PRIVATE = (
    "if the authority is a private one, or a proxy's that looks into TLS, name it with --ca-file"
)


class Host:
    """One server, named by a URL, and how far we got with it."""

    def __init__(self, url: str, ca_file: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        self.is_tls: bool = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self.is_tls else 80)
        self._path = f"{parts.path}/"
        self._ca_file = ca_file
        self._timeout = timeout
        self._addresses: list[tuple[Any, ...]] = []
        self._socket: socket.socket | None = None
        self.ahead: float | None = None
        """Seconds by which our clock is ahead of the server's; None: it did not say."""

    @property
    def name(self) -> str:
        default = 443 if self.is_tls else 80
        return self._host if self._port == default else f"{self._host}:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    def resolve(self) -> Finding:
        """The name's addresses."""
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            fix = f"{_COMPARE}, and see whether this machine resolves other names"
            raise Trouble(f"{reason}: {self._host}", fix) from error
        self._addresses = found
        return Finding(", ".join(dict.fromkeys(str(entry[4][0]) for entry in found)))

    def connect(self) -> Finding:
        """A connection to the first address that takes one."""
        reason = ""
        for family, kind, protocol, _, address in self._addresses:
            attempt = socket.socket(family, kind, protocol)
            attempt.settimeout(self._timeout)
            try:
                attempt.connect(address)
            except OSError as error:
                attempt.close()
                reason = f"{address[0]} port {self._port}: {_said(error)}"
                continue
            self._socket = attempt
            return Finding(f"{address[0]} port {self._port}")
        raise Trouble(reason, f"let this machine reach port {self._port} there{_proxy_word()}")

    def shake_hands(self) -> Finding:
        """TLS, with the certificate looked at as a client looks at it."""
        assert self._socket is not None
        context = self._trust()
        try:
            secured = context.wrap_socket(self._socket, server_hostname=self._host)
        except ssl.SSLCertVerificationError as error:
            fix = _FIX_OF_VERIFICATION.get(error.verify_code, _PRIVATE)
            raise Trouble(f"the certificate is refused: {error.verify_message}", fix) from error
        except OSError as error:
            if is_plain(_said(error)):
                raise Trouble(
                    f"this port speaks plain HTTP: {_said(error)}", SPEAKS_PLAIN
                ) from error
            fix = "see whether something between here and there takes TLS apart, such as a proxy"
            raise Trouble(f"no handshake: {_said(error)}", fix) from error
        self._socket = secured
        return _certificate(secured)

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file or system_file())
        except OSError as error:  # an SSLError is one
            where = self._ca_file or "the system's store"
            fix = "let --ca-file be a file of certificates in PEM, or leave it out"
            raise Trouble(f"no certificates in {where}: {_said(error)}", fix) from error

    def ask(self) -> Finding:
        """An answer to a plain request; any will do, since nothing was asked for."""
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.sock = self._socket
        try:
            before = time.time()
            connection.request("GET", self._path, headers={"Connection": "close"})
            response = connection.getresponse()
            after = time.time()
        except (OSError, http.client.HTTPException) as error:
            fix = "see what answers there: it takes connections, and says nothing of use"
            if not self.is_tls:
                fix += "; if it speaks TLS, write https://"
            said = _said(error)
            detail = said if said == _SILENCE else f"no answer: {said}"
            raise Trouble(detail, fix) from error
        finally:
            self._socket = None
            connection.close()
        self.ahead = _ahead(response.getheader("Date"), before, after)
        if response.status in _DOWN:
            return warning(f"it is down: {response.status}", "try again in a minute")
        return Finding(f"it answers ({response.status}, for nothing was asked)")


def compare_clocks(host: Host) -> Finding:
    """Ours against the server's."""
    if host.ahead is None:
        return Finding("the server does not tell its time")
    if abs(host.ahead) < WRONG:
        return Finding(f"as the server's, to {max(1.0, abs(host.ahead)):.0f} s")
    side = "ahead of" if host.ahead > 0 else "behind"
    detail = f"{length(abs(host.ahead))} {side} the server's, so times since will look wrong"
    return warning(detail, _CLOCK)


def _certificate(secured: ssl.SSLSocket) -> Finding:
    found: dict[str, Any] = dict(secured.getpeercert() or {})
    subject = _part_of(found.get("subject", ()), "commonName")
    if not subject:  # as modern certificates may: then the first name it is valid for
        subject = next((value for _, value in found.get("subjectAltName", ())), "?")
    issuer = found.get("issuer", ())
    authority = _part_of(issuer, "commonName") or _part_of(issuer, "organizationName")
    end = ssl.cert_time_to_seconds(found["notAfter"])
    left = end - time.time()
    day = time.strftime("%d %b %Y", time.localtime(end))
    detail = f"{secured.version()}, {subject} by {authority}, until {day} ({span(left)})"
    if left < SOON:
        return warning(detail, "have the certificate renewed before it ends")
    return Finding(detail)


def _part_of(name: Any, key: str) -> str:
    """One part of an X.509 name as getpeercert() has it; "" if it is not there."""
    return next((str(value) for part in name for other, value in part if other == key), "")


def _ahead(date: str | None, before: float, after: float) -> float | None:
    """Our clock against a Date header, which has whole seconds, cut off; the middle of what can be."""
    try:
        at = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
    return (before + after) / 2 - (at + 0.5)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _SILENCE
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _proxy_word() -> str:
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    name = next((name for name in names if os.environ.get(name)), "")
    return f"; {name} is set, but proxies are not used here" if name else ""
