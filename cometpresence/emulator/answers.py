"""What every part of the HTTP side shares: JSON in, JSON out, and the versions in paths."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from .loopback import is_loopback
from .notices import VERSIONS
from .refusal import Refusal, bad_request
from .wire import dumps
from .world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]


def versioned(*routes: Route) -> list[Route]:
    """Each route without a version before its path and with either spelling of it."""
    return [
        (method, version + path, handler)
        for method, path, handler in routes
        for version in ("", *VERSIONS)
    ]


def json_answer(body: object, *, status: int = 200, headers: Any = None) -> web.Response:
    return web.Response(
        text=dumps(body), status=status, content_type="application/json", headers=headers
    )


def refusal_answer(refusal: Refusal) -> web.Response:
    return json_answer(refusal.body(), status=refusal.status, headers=refusal.headers)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; no body counts as an empty one, as the SDK sends it."""
    raw = await request.read()
    try:
        body = json.loads(raw, parse_constant=_no_constant) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object")
    return body


def own_host(request: web.Request, world: World) -> str:
    """Our host:port as this client spelt it, so that `localhost` stays `localhost`.

    An emulator on loopback believes no other name: it could be a foreign page's doing.
    """
    name, port = host_of(request)
    own_port = world.address.rpartition(":")[2]
    if name is None or (is_loopback(world.host) and not is_loopback(name)):
        return world.address
    return f"[{name}]:{port or own_port}" if ":" in name else f"{name}:{port or own_port}"


def host_of(request: web.Request) -> tuple[str | None, int | None]:
    """Name and port of us, as the request has them; None where it has none that is one."""
    try:
        parts = urlsplit(f"//{request.headers.get('Host', '')}")
        return parts.hostname, parts.port
    except ValueError:
        return None, None


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
