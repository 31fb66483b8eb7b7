"""What can go wrong, as exceptions: one base, and the builtin a Python programmer would catch."""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "AuthError",
    "ClientClosed",
    "CometChatException",
    "ConfigError",
    "ConnectionLost",
    "NotConnectedError",
    "OutOfSync",
    "ProtocolError",
    "RateLimited",
    "RequestTimeout",
    "StreamOverflow",
    "TLSError",
]


class CometChatException(Exception):
    """The base of all; raised itself for a server's error that has no class of its own.

    ``code`` is the vendor's where there is one, ``message`` says what happened and often the fix;
    ``details`` is what the server sent besides.
    """

    code: str
    message: str
    details: Mapping[str, Any]

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        # One argument only: OSError, a base of some of us, would take two for errno and strerror.
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" if self.code else self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, {self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message, self.details)


class ConfigError(CometChatException, ValueError):
    """An argument that cannot work; nothing was sent."""


class AuthError(CometChatException, PermissionError):
    """The server refused who we say we are."""


class TLSError(CometChatException, ConnectionError):
    """The server's certificate was not accepted; ``message`` has the reason."""


class NotConnectedError(CometChatException, ConnectionError):
    """This needs a login or a connection, and there is none."""


class ConnectionLost(CometChatException, ConnectionError):
    """The server could not be reached, or went away meanwhile."""


class RequestTimeout(CometChatException, TimeoutError):
    """No answer came in time."""


class RateLimited(CometChatException):
    """The server asks to wait, longer than this call could; ``retry_after`` seconds."""

    retry_after: float

    def __init__(
        self,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(code, message, details)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message, self.details, self.retry_after)


class ProtocolError(CometChatException):
    """The server said something that is not the protocol."""


class OutOfSync(CometChatException):
    """Exact state was asked for while the client is not synchronised."""


class StreamOverflow(CometChatException):
    """A stream with ``overflow="error"`` was read too slowly."""


class ClientClosed(CometChatException, RuntimeError):
    """The client was closed, or belongs to another process."""
