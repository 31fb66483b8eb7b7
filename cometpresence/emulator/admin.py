"""/_emulator: the state, seen and steered over HTTP by whoever holds the admin token.

On the clients' port, and on one of its own that no fault reaches (`Emulator.admin_url`).
"""

from aiohttp import web

from .answers import Handler, Route, json_answer, json_body, own_host
from .credentials import same
from .mischief import Mischief
from .refusal import Refusal, bad_request
from .world import World


class AdminApi:
    def __init__(self, world: World, mischief: Mischief) -> None:
        self._world = world
        self._mischief = mischief

    def routes(self) -> list[Route]:
        table: list[Route] = [
            ("POST", "/_emulator/users/{uid}/status", self.set_status),
            ("GET", "/_emulator/users", self.list_users),
            ("POST", "/_emulator/users", self.add_user),
            ("GET", "/_emulator/journal", self.show_journal),
            ("POST", "/_emulator/faults/{name}", self.make_fault),
        ]
        return [(method, path, self._guarded(handler)) for method, path, handler in table]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self._check(request)
            return await handler(request)

        return guarded

    def _check(self, request: web.Request) -> None:
        """A web page elsewhere must not reach in, not even with a stolen token."""
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"{request.scheme}://{own_host(request, self._world)}":
            raise Refusal("AUTH_ERR_NO_ACCESS", f"the origin {origin} may not steer the emulator")
        given = request.headers.get("Authorization", "")
        if not same(given, f"Bearer {self._world.admin_token}"):
            raise Refusal("ERR_NO_AUTH", "Authorization: Bearer <admin_token> is required")

    async def set_status(self, request: web.Request) -> web.StreamResponse:
        uid, body = request.match_info["uid"], await json_body(request)
        at = body.get("at")
        match body.get("status"):
            case "online":
                self._world.presence.hold_online(uid, at)
            case "offline":
                self._world.presence.send_offline(uid, at)
            case other:
                raise bad_request(f"status must be online or offline, not {other!r}")
        return json_answer({"data": self._world.users.get(uid).record()})

    async def list_users(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": [user.record() for user in self._world.users]})

    async def add_user(self, request: web.Request) -> web.StreamResponse:
        user = self._world.add_user(await json_body(request))
        return json_answer({"data": user.record()})

    async def show_journal(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": self._world.journal.entries()})

    async def make_fault(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        return json_answer({"data": self._mischief.by_name(name, await json_body(request))})
