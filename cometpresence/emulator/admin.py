"""/_emulator: the state, seen and steered over HTTP by whoever holds the admin token.

On the clients' port, and on one of its own that no fault reaches (`Emulator.admin_url`).
"""

from collections.abc import Iterator
from functools import partial

from aiohttp import web

from . import control_page
from .admin_access import PREFIX, AdminAccess
from .admin_calls import MOST_SECONDS
from .admin_users import AdminUsers
from .answers import Route, json_answer, json_body
from .fault_calls import catalogue
from .live import LiveViews
from .mischief import Mischief
from .openapi import description
from .refusal import Refusal, bad_request
from .wire import dumps
from .world import World


class AdminApi:
    def __init__(self, world: World, mischief: Mischief, access: AdminAccess) -> None:
        self._world = world
        self._mischief = mischief
        self._access = access
        self._views = LiveViews(world)

    def routes(self) -> list[Route]:
        anybody: list[Route] = [
            *control_page.routes(),
            ("GET", "/_emulator/login", self.follow_link),
            ("POST", "/_emulator/login", self.log_in),
            ("GET", "/_emulator/openapi.json", self.describe),
        ]
        admin: list[Route] = [
            ("POST", "/_emulator/links", self.make_link),
            ("GET", "/_emulator/events", self._views.serve),
            *AdminUsers(self._world).routes(),
            ("POST", "/_emulator/reset", self.reset),
            ("GET", "/_emulator/state", self.export_state),
            ("PUT", "/_emulator/state", self.import_state),
            ("GET", "/_emulator/clock", self.show_clock),
            ("POST", "/_emulator/clock", self.move_clock),
            ("GET", "/_emulator/journal", self.show_journal),
            ("GET", "/_emulator/faults", self.list_faults),
            ("POST", "/_emulator/faults/{name}", self.make_fault),
        ]
        return [
            *((method, path, self._access.for_anybody(act)) for method, path, act in anybody),
            *((method, path, self._access.for_the_admin(act)) for method, path, act in admin),
            *_refusals([*anybody, *admin]),
        ]

    async def end(self, app: web.Application) -> None:
        """Let go of whoever is watching: the emulator stops."""
        await self._views.end()

    # ---- getting in

    async def follow_link(self, request: web.Request) -> web.StreamResponse:
        if not self._access.redeem(request.query.get("code", "")):
            return control_page.to_the_page("used")
        response = control_page.to_the_page()
        self._access.log_in(request, response)
        return response

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        token = (await json_body(request)).get("token")
        if not (isinstance(token, str) and self._access.is_token(token)):
            raise Refusal("ERR_NO_AUTH", "that is not the admin token")
        response = json_answer({"data": {}})
        self._access.log_in(request, response)
        return response

    async def make_link(self, request: web.Request) -> web.StreamResponse:
        """For the door the request came through."""
        host = f"{request.scheme}://{request.headers.get('Host', self._world.address)}"
        return json_answer({"data": {"control_link": host + self._access.new_link()}})

    async def describe(self, request: web.Request) -> web.StreamResponse:
        return json_answer(description())

    # ---- the state

    async def reset(self, request: web.Request) -> web.StreamResponse:
        self._world.reset()
        return json_answer({"data": {}})

    async def export_state(self, request: web.Request) -> web.StreamResponse:
        """In one piece, but not into the journal; with ?auth_tokens=true all of it."""
        auth_tokens = request.query.get("auth_tokens") == "true"
        document = self._world.export_state(auth_tokens=auth_tokens)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(dumps({"data": document}).encode())
        return response

    async def import_state(self, request: web.Request) -> web.StreamResponse:
        """A document, or what export_state() answers."""
        body = await json_body(request)
        self._world.import_state(body.get("data", body))
        return json_answer({"data": {"users": len(self._world.users)}})

    async def show_clock(self, request: web.Request) -> web.StreamResponse:
        clock = self._world.clock
        return json_answer(
            {"data": {"clock": "manual" if clock.is_manual else "real", "now": clock.now()}}
        )

    async def move_clock(self, request: web.Request) -> web.StreamResponse:
        seconds = (await json_body(request)).get("advance")
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is None or not is_number or not 0 <= seconds <= MOST_SECONDS:
            raise bad_request(f"advance must be a number of seconds from 0 to {MOST_SECONDS}")
        if not self._world.clock.is_manual:
            raise bad_request("this clock is the machine's: only one made manual can be moved")
        self._world.advance(seconds)
        return await self.show_clock(request)

    async def show_journal(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": self._world.journal.entries()})

    async def list_faults(self, request: web.Request) -> web.StreamResponse:
        """What there is, and what each asks for; what is in force a page is told as it happens."""
        return json_answer({"data": catalogue()})

    async def make_fault(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        return json_answer({"data": self._mischief.by_name(name, await json_body(request))})


def _refusals(routes: list[Route]) -> Iterator[Route]:
    """Of this API we know everything there is: what is not is 404 or 405, never 501."""
    methods: dict[str, list[str]] = {}
    for method, path, _ in routes:
        methods.setdefault(path, []).append(method)
    for path, known in methods.items():
        yield "*", path, partial(_refuse_method, allowed=", ".join(known))
    yield "*", f"{PREFIX}/{{path:(?s:.*)}}", _refuse_path


async def _refuse_method(request: web.Request, *, allowed: str) -> web.StreamResponse:
    message = f"{request.path} has {allowed}, not {request.method}"
    raise Refusal("ERR_METHOD_NOT_ALLOWED", message, headers={"Allow": allowed})


async def _refuse_path(request: web.Request) -> web.StreamResponse:
    raise Refusal("ERR_NOT_FOUND", f"there is no admin call {request.path}")
