"""Who may steer the emulator: whoever holds the admin token, and pages that a link logged in."""

from collections.abc import Callable
from functools import wraps

from aiohttp import web

from .answers import Handler, host_of
from .credentials import mint, same
from .loopback import is_loopback
from .refusal import Refusal
from .world import World

PREFIX = "/_emulator"

_MOST_LINKS = 100  # unused; then the oldest ends


class AdminAccess:
    """A script brings the token.  A browser brings a cookie, which a link gave it that works once.

    The cookie is not the token: a browser sends it to whatever else listens on this host.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._cookie: str = mint("page_")
        self._codes: dict[str, None] = {}

    def new_link(self) -> str:
        """The path of a link that logs one browser in, once."""
        code = mint("")
        self._codes[code] = None
        if len(self._codes) > _MOST_LINKS:
            del self._codes[next(iter(self._codes))]
        return f"{PREFIX}/login?code={code}"

    def redeem(self, code: str) -> bool:
        """Was it the code of a link?  It is not any more."""
        if code not in self._codes:
            return False
        del self._codes[code]
        return True

    def is_token(self, given: str) -> bool:
        return same(given, self._world.admin_token)

    def log_in(self, request: web.Request, response: web.Response) -> None:
        response.set_cookie(
            _cookie_name(request),
            self._cookie,
            path=PREFIX,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )

    def for_anybody(self, handler: Handler) -> Handler:
        """`handler` for all but web pages elsewhere."""
        return _checked(handler, self._check_origin)

    def for_the_admin(self, handler: Handler) -> Handler:
        """`handler` for whoever brings the token or the cookie."""
        return _checked(handler, self._check_admin)

    def _check_admin(self, request: web.Request) -> None:
        self._check_origin(request)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and self.is_token(token):
            return
        if not same(request.cookies.get(_cookie_name(request), ""), self._cookie):
            raise Refusal("ERR_NO_AUTH", "Authorization: Bearer <admin_token> is required")
        if request.method != "GET" and "Origin" not in request.headers:
            raise Refusal("AUTH_ERR_NO_ACCESS", "a page says its origin")

    def _check_origin(self, request: web.Request) -> None:
        """A web page elsewhere must not reach in, not even with a stolen token.

        Nor by a name of its own that it made point at us: on loopback we have no such name.
        Where others may reach us our names are not known, but neither has a page there the cookie.
        """
        name, _ = host_of(request)
        if is_loopback(self._world.host) and not (name and is_loopback(name)):
            raise Refusal("AUTH_ERR_NO_ACCESS", "the Host is not this emulator's")
        origin = request.headers.get("Origin")
        if origin not in (None, f"{request.scheme}://{request.headers.get('Host')}"):
            raise Refusal("AUTH_ERR_NO_ACCESS", f"the origin {origin} may not steer the emulator")


def _checked(handler: Handler, check: Callable[[web.Request], None]) -> Handler:
    @wraps(handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        check(request)
        return await handler(request)

    return checked


def _cookie_name(request: web.Request) -> str:
    """With the port, which cookies do not know: several emulators are one site to a browser."""
    assert request.transport is not None
    return f"cometpresence_{request.transport.get_extra_info('sockname')[1]}"
