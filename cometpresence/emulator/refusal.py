"""What the emulator says no with: the vendor's error codes, as an exception."""

from collections.abc import Mapping

# Our choice: the SDK ignores the HTTP status and reads the code, so any sensible status will do.
_STATUS = {
    "AUTH_ERR_EMPTY_APPID": 401,
    "AUTH_ERR_INVALID_APPID": 401,
    "AUTH_ERR_EMPTY_APIKEY": 401,
    "AUTH_ERR_APIKEY_NOT_FOUND": 401,
    "AUTH_ERR_EMPTY_AUTH_TOKEN": 401,
    "AUTH_ERR_AUTH_TOKEN_NOT_FOUND": 401,
    "AUTH_ERR_NO_ACCESS": 403,
    "ERR_NO_AUTH": 401,
    "ERR_UID_NOT_FOUND": 404,
    "ERR_UID_ALREADY_EXISTS": 409,
    "ERR_TOO_MANY_REQUESTS": 429,
    "ERR_NOT_EMULATED": 501,
}


class Refusal(Exception):
    """An answer of the form {"error": {"code", "message"}}."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status: int = _STATUS.get(code, 400) if status is None else status
        self.headers: dict[str, str] = dict(headers or {})

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message}}


class BadRequest(Refusal, ValueError):
    """An argument that makes no sense, over HTTP or, to whoever calls from Python, a ValueError."""


def bad_request(message: str) -> BadRequest:
    return BadRequest("ERR_BAD_REQUEST", message)


def not_emulated(what: str) -> Refusal:
    """A request nobody taught the emulator: said so, never answered with a made-up success."""
    return Refusal("ERR_NOT_EMULATED", f"the emulator does not know {what}")
