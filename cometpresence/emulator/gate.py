"""What every HTTP request passes: the journal, CORS, the faults of REST, and errors as JSON."""

import json
import logging
import math
from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any, cast

from aiohttp import web

from .answers import Handler, refusal_answer
from .coverage import Kind, entries
from .notices import endpoint_of
from .refusal import Refusal
from .world import World

_logger = logging.getLogger(__name__)

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    # Also what we do not look at: a browser would not send the request at all.
    "Access-Control-Allow-Headers": ", ".join(
        entry.name for entry in entries(Kind.HEADER, "request")
    ),
    "Access-Control-Expose-Headers": ", ".join(
        entry.name
        for entry in entries(Kind.HEADER, "answer")
        if not entry.name.startswith("Access-Control-")
    ),
    "Access-Control-Max-Age": "600",
}

MAX_BODY = 2**20
MAX_STATE = 64 * MAX_BODY  # some 200,000 users


def is_upgrade(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _is_admin(request: web.Request) -> bool:
    return request.path.startswith("/_emulator")


def _is_state(request: web.Request) -> bool:
    return (request.method, request.path) == ("PUT", "/_emulator/state")


class Gate:
    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count(1)

    def around(self, handler: Handler) -> Handler:
        """`handler` behind all of it."""
        inwards = (
            self._hold,
            self._record,
            self._share,
            self._meter,
            self._explain,
            self._keep,
            self._spoil,
        )
        for step in reversed(inwards):
            handler = partial(step, handler=handler)
        return handler

    async def _hold(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """In a black hole requests arrive and nothing ever comes back."""
        if not _is_admin(request):
            await self._world.faults.passed("blackhole")
        return await handler(request)

    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_upgrade(request):
            return await handler(request)  # journaled as a socket's life instead
        most = MAX_STATE if _is_state(request) else MAX_BODY
        request = request.clone(client_max_size=most)
        number = next(self._numbers)
        facts: dict[str, Any] = {
            "request": number,
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": dict(request.headers),
        }
        try:
            body = await request.read()
            facts["body"] = (
                f"(a state of {len(body)} bytes)"
                if _is_state(request)
                else self._readable(body.decode(errors="replace"))
            )
        except web.HTTPRequestEntityTooLarge:
            # Decided here: whoever reads again gets the rest, as if that were all.
            message = f"the body is larger than {most // 2**20} MiB"
            facts["body"], handler = "(too large)", _refused(message, status=413)
        except web.RequestPayloadError:
            message = "the body is not encoded as its headers say"
            facts["body"], handler = "(unreadable)", _refused(message, status=400)
        except ConnectionResetError:
            self._world.journal.write("in", "lifecycle", event="left_during_request", **facts)
            return web.Response(status=400)  # nobody reads it
        self._world.journal.write("in", "rest", **facts)
        if not _is_admin(request):
            self._world.notices.of_request(request, facts["body"])
        response = await handler(request)
        self._world.journal.write(
            "out",
            "rest",
            request=number,
            method=request.method,
            path=request.path,
            status=response.status,
            body=self._body_of(request, response),
        )
        return response

    def _body_of(self, request: web.Request, response: web.StreamResponse) -> Any:
        """Not of what looks at the emulator: a look at the journal would double it."""
        is_look = _is_admin(request) and request.method == "GET"
        if is_look or not isinstance(response, web.Response):
            return None
        return self._readable(response.text or "")

    def _readable(self, text: str) -> Any:
        """JSON where it is JSON, so that the journal can redact by name; else its beginning."""
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            return self._world.journal.excerpt(text)

    async def _share(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Any page may speak the client API; the admin half shares nothing."""
        if _is_admin(request) or is_upgrade(request):
            return await handler(request)
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=CORS)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(CORS)
        return response

    async def _meter(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """With rate limits on, every answer says what is left."""
        quota = self._world.quota
        if quota is None or _is_admin(request) or is_upgrade(request):
            return await handler(request)
        standing = quota.spend(endpoint_of(request) or "")
        headers = quota_headers(
            standing.limit, max(0, standing.remaining), resets_at=standing.resets_at
        )
        if standing.remaining < 0:
            wait = max(1, standing.resets_at - self._world.clock.seconds())
            return refusal_answer(_too_many_requests(wait, headers))
        response = await handler(request)
        if not response.prepared:
            for name, value in headers.items():
                response.headers.setdefault(name, value)
        return response

    async def _explain(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            return refusal_answer(_refusal_for(error, request))

    async def _keep(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What an answer tells of is on disk before it is sent.  Our choice: 507 if it cannot be."""
        keeper = self._world.keeper
        before = keeper.count
        response = await handler(request)
        if not response.prepared:  # a socket, or a page's news: over, if we are here
            try:
                keeper.commit(since=before)
            except OSError as error:
                raise Refusal("ERR_NOT_KEPT", str(error)) from error
        return response

    async def _spoil(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_admin(request) or is_upgrade(request):
            return await handler(request)
        faults = self._world.faults
        if (fault := faults.strike("rate_limit")) is not None:
            seconds = fault.settings["retry_after"]
            resets_at = self._world.clock.seconds() + math.ceil(seconds)
            raise _too_many_requests(seconds, quota_headers(500, 0, resets_at=resets_at))
        if (fault := faults.strike("server_errors")) is not None:
            status = int(fault.settings["status"])
            raise Refusal("ERR_INTERNAL_SERVER_ERROR", "a fault was asked for", status=status)
        response = await handler(request)
        is_page = request.method == "GET" and request.path.endswith("/users")
        if is_page and faults.strike("half_page") is not None:
            return await _half(request, cast(web.Response, response))
        return response


def _refusal_for(error: Exception, request: web.Request) -> Refusal:
    match error:
        case Refusal():
            return error
        case web.HTTPException():
            return Refusal("ERR_BAD_REQUEST", error.text or error.reason, status=error.status)
    _logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return Refusal("ERR_INTERNAL", f"emulator error: {error!r}", status=500)


def _refused(message: str, *, status: int) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return refusal_answer(Refusal("ERR_BAD_REQUEST", message, status=status, headers=CORS))

    return refuse


def _too_many_requests(seconds: float, quota: Mapping[str, str]) -> Refusal:
    """Retry-After is whole seconds by RFC 9110."""
    headers = {"Retry-After": str(math.ceil(seconds)), **quota}
    return Refusal("ERR_TOO_MANY_REQUESTS", "too many requests", headers=headers)


def quota_headers(limit: int, remaining: int, *, resets_at: int) -> dict[str, str]:
    """How CometChat says what is left of a quota, in the two spellings its docs have."""
    return {
        "X-Rate-Limit": str(limit),
        "X-Rate-Limit-Remaining": str(remaining),
        "X-Rate-Limit-Reset": str(resets_at),
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(resets_at),
    }


async def _half(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """All the headers and the first half of the body, then the connection is gone."""
    body = cast(bytes, whole.body)
    half = web.StreamResponse(status=whole.status, headers=CORS)
    half.content_type = "application/json"
    half.content_length = len(body)
    half.force_close()
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
