"""HTTP as aiohttp speaks it, but what it refuses by itself is refused in our words: in JSON."""

import re
from http import HTTPStatus
from typing import Any

from aiohttp import web

from .answers import refusal_answer
from .refusal import Refusal, bad_request, not_emulated

_UNKNOWN_METHOD = re.compile(r"b'([A-Z]{1,20}) \S* HTTP/1\.[01]'")


class HttpProtocol(web.RequestHandler):
    """One connection."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What came is no HTTP, or it is our fault; then the log has it, too."""
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            answer = refusal_answer(_refusal_for(message or ""))
        else:
            super().handle_error(request, status, exc, message)
            answer = refusal_answer(
                Refusal("ERR_INTERNAL", f"emulator error: {exc!r}", status=status)
            )
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """A target that has no path, such as ``*``, and an Expect that makes no sense come to no
        handler of ours."""
        if isinstance(resp, web.HTTPNotFound):
            resp = refusal_answer(not_emulated(f"{request.method} {request.raw_path}"))
        elif isinstance(resp, web.HTTPException):
            resp = refusal_answer(
                Refusal("ERR_BAD_REQUEST", resp.text or resp.reason, status=resp.status)
            )
        return await super().finish_response(request, resp, start_time)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that cannot be read was answered so, and no error of ours."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)


def _refusal_for(message: str) -> Refusal:
    """In one line.  Of a method nobody has heard of the rest may be perfect."""
    if (method := _UNKNOWN_METHOD.search(message)) is not None:
        return not_emulated(f"the method {method[1]}")
    return bad_request(f"this is no HTTP request: {' '.join(message.split())}")
