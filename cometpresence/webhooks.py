"""The webhooks that CometChat posts to your server when users come and go."""

from base64 import b64encode
from collections.abc import Mapping
from hmac import compare_digest
from types import MappingProxyType

from . import _core
from ._core import PresenceEvent
from .errors import AuthError, ProtocolError

__all__ = ["parse_webhook"]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def parse_webhook(
    body: bytes | str,
    headers: Mapping[str, str] = _NO_HEADERS,
    *,
    basic_auth: tuple[str, str] | None = None,
) -> PresenceEvent:
    """The event that a webhook's body tells of, in the current form or the legacy one.

        event = parse_webhook(request.body, request.headers, basic_auth=("name", "password"))
        print(event.user.name, "is here" if event.online else "is gone")

    ``at`` and ``user.last_active_at`` are in seconds, whichever unit was sent.  ``previous`` equals
    ``user.status`` when another device of the user connected or went, and is UNKNOWN when that is
    not said.  ``seq`` and ``generation`` are 0: no client saw it.

    With `basic_auth`, the name and password you gave CometChat, a request without them is an
    AuthError.  Anything else than such a webhook is a ProtocolError, whatever was posted.  From any
    thread; never waits.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if basic_auth is not None:
        _check_credentials(given.get("authorization", ""), basic_auth)
    _check_form(given)
    raw = body.encode(errors="replace") if isinstance(body, str) else body
    return _core.parse_webhook(raw)


def _check_credentials(given: str, basic_auth: tuple[str, str]) -> None:
    """In constant time, and without a word about what was given."""
    scheme, _, credentials = given.partition(" ")
    expected = b64encode(":".join(basic_auth).encode())
    same = compare_digest(credentials.strip().encode(errors="replace"), expected)
    if scheme.lower() != "basic" or not same:
        raise AuthError("ERR_NO_AUTH", "the webhook came without the name and password agreed on")


def _check_form(headers: Mapping[str, str]) -> None:
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise ProtocolError("ERR_WEBHOOK", "a webhook's Content-Type is application/json")
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise ProtocolError("ERR_WEBHOOK", "decompress the body before it is parsed")
