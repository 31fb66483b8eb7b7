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
    "ERR_NOT_FOUND": 404,
    "ERR_METHOD_NOT_ALLOWED": 405,
    "ERR_UID_NOT_FOUND": 404,
    "ERR_UID_ALREADY_EXISTS": 409,
    "ERR_ROLE_NOT_FOUND": 404,
    "ERR_ROLE_ALREADY_EXISTS": 409,
    "ERR_ROLE_DELETE_DENIED": 403,
    "ERR_AUTH_TOKEN_NOT_FOUND": 404,
    "ERR_TOO_MANY_REQUESTS": 429,
    "ERR_NOT_EMULATED": 501,
    "ERR_NOT_KEPT": 507,
}


class Refusal(ValueError):
    """An answer of the form {"error": {"code", "message"}}, with "details" where there are any.

    To whoever calls from Python it is a ValueError.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status: int = _STATUS.get(code, 400) if status is None else status
        self.headers: dict[str, str] = dict(headers or {})
        self.details: dict[str, list[str]] = dict(details or {})

    def error(self) -> dict[str, object]:
        facts = {"code": self.code, "message": self.message}
        return facts | ({"details": self.details} if self.details else {})

    def body(self) -> dict[str, object]:
        return {"error": self.error()}


def bad_request(message: str, details: Mapping[str, list[str]] | None = None) -> Refusal:
    """`details` says for each member of the body what is wrong with it."""
    return Refusal("ERR_BAD_REQUEST", message, details=details)


def not_emulated(what: str) -> Refusal:
    """A request nobody taught the emulator: said so, never answered with a made-up success."""
    return Refusal("ERR_NOT_EMULATED", f"the emulator does not know {what}")
