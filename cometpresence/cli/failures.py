"""How a command fails: in one line, with the code and what to do about it."""

import click

from .. import (
    AuthError,
    CometChatException,
    ConfigError,
    ConnectionLost,
    RateLimited,
    RequestTimeout,
    TLSError,
)
from .output import printable

__all__ = ["CTRL_C", "TimedOut", "failure_of", "fix_for"]

CTRL_C = 130  # as a shell has it: 128 and the number of the signal

_FIX_OF_CODE = {
    "AUTH_ERR_APIKEY_NOT_FOUND": "copy the Auth Key of this app from CometChat's dashboard",
    "AUTH_ERR_AUTH_TOKEN_NOT_FOUND": "the token has expired or was given back: get a new one",
    "AUTH_ERR_INVALID_APPID": "compare app id and region with CometChat's dashboard",
    "AUTH_ERR_NO_ACCESS": "use the Auth Key of this app, not the key of another",
    "ERR_DNS": "compare app id and region with CometChat's dashboard, and see whether this machine "
    "resolves other names",
    "ERR_UID_NOT_FOUND": "look for the uid with `cometpresence users --search`",
}
_FIX_OF_CLASS: tuple[tuple[type[CometChatException], str], ...] = (
    (AuthError, "compare app id, region, uid and key with CometChat's dashboard"),
    (
        TLSError,
        "see whether the clock is right; name the authority with --ca-file if it is private",
    ),
    (
        RequestTimeout,
        "see whether a firewall is in the way: `cometpresence doctor` looks step by step",
    ),
    (
        ConnectionLost,
        "see whether the server can be reached: `cometpresence doctor` looks step by step",
    ),
)


class Failure(click.ClickException):
    """What happened, its code, and what to do about it."""

    exit_code = 1

    def __init__(self, error: CometChatException) -> None:
        fix = fix_for(error)
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
    return next((fix for kind, fix in _FIX_OF_CLASS if isinstance(error, kind)), "")
