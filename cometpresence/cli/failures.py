"""How a command fails: in one line, with the code and what to do about it."""

import click

from .. import (
    AuthError,
    CometChatException,
    ConfigError,
    ConnectionLost,
    ProtocolError,
    RateLimited,
    RequestTimeout,
    TLSError,
)
from .output import printable

__all__ = ["CTRL_C", "LATER", "SPEAKS_PLAIN", "TimedOut", "failure_of", "fix_for", "is_plain"]

CTRL_C = 130  # as a shell has it: 128 and the number of the signal

LATER = "try again in a minute; if it stays so, ask CometChat's support"
SPEAKS_PLAIN = "if that is an emulator without TLS, write http://; else name a port that speaks TLS"
_STRANGER = (
    "see what answers there: a proxy or a portal perhaps, for CometChat says more when it refuses"
)
_NO_TLS = ("http request", "record layer failure", "wrong version number")  # OpenSSL's words

_FIX_OF_CODE = {
    "AUTH_ERR_APIKEY_NOT_FOUND": "copy the Auth Key of this app from CometChat's dashboard",
    "AUTH_ERR_AUTH_TOKEN_NOT_FOUND": "the token has expired or was given back: get a new one",
    "AUTH_ERR_INVALID_APPID": "compare app id and region with CometChat's dashboard",
    "AUTH_ERR_NO_ACCESS": "use the Auth Key of this app, not the key of another",
    "ERR_DNS": "compare app id and region with CometChat's dashboard, and see whether this machine "
    "resolves other names",
    "AUTH_ERR_JWT_REFUSED": "see whether the region is the app's; with an auth token, get a new one",
    "ERR_UID_NOT_FOUND": "look for the uid with `cometpresence users --search`",
}
_FIX_OF_CLASS: tuple[tuple[type[CometChatException], str], ...] = (
    (AuthError, "compare app id, region, uid and key with CometChat's dashboard"),
    (
        TLSError,
        "see whether the clock is right; name the authority with --ca-file if it is private",
    ),
    (ProtocolError, _STRANGER),
    (RequestTimeout, "see whether a firewall is in the way"),
    (ConnectionLost, "see whether the server can be reached"),
)


class Failure(click.ClickException):
    """What happened, its code, and what to do about it."""

    exit_code = 1

    def __init__(self, error: CometChatException) -> None:
        fix = fix_for(error)
        if fix and isinstance(error, RequestTimeout | ConnectionLost):  # not for the doctor's ears
            fix += ": `cometpresence doctor` looks step by step"
        said = printable(" ".join(str(error).split()))
        super().__init__(f"{said.rstrip('.')}; {fix}." if fix else said)


class Misuse(Failure):
    """It was wrong before anything was sent."""

    exit_code = 2


class TimedOut(click.ClickException):
    """It did not happen in time."""

    exit_code = 124  # as timeout(1) has it


def failure_of(error: CometChatException) -> Failure:
    """How to end with this error."""
    return (Misuse if isinstance(error, ConfigError) else Failure)(error)


def fix_for(error: CometChatException) -> str:
    """What to do about it, in words; "" when the message has said it."""
    if isinstance(error, RateLimited):
        return f"try again in {error.retry_after:.0f} s"
    if error.code in _FIX_OF_CODE:
        return _FIX_OF_CODE[error.code]
    if error.code.startswith("HTTP_"):  # the status is all that was said
        return LATER if error.code >= "HTTP_500" else _STRANGER
    if isinstance(error, TLSError) and is_plain(error.message):
        return SPEAKS_PLAIN
    return next((fix for kind, fix in _FIX_OF_CLASS if isinstance(error, kind)), "")


def is_plain(said: str) -> bool:
    """Whether OpenSSL means by this that there was no TLS to be heard."""
    return any(words in said for words in _NO_TLS)
