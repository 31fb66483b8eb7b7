"""The management API's auth tokens: what a server makes for its users, and takes back."""

from aiohttp import web

from . import body_rules
from .answers import Route, json_answer, json_body, versioned
from .callers import Access, Callers
from .credentials import AuthToken
from .paging import managed_page
from .users import User
from .world import World


class ManageTokens:
    def __init__(self, world: World) -> None:
        self._world = world
        self._callers = Callers(world)

    def routes(self) -> list[Route]:
        all_of_them, one = "/users/{uid}/auth_tokens", "/users/{uid}/auth_tokens/{authToken}"
        return versioned(
            ("POST", all_of_them, self.create),
            ("GET", all_of_them, self.list_tokens),
            ("DELETE", all_of_them, self.flush),
            ("GET", one, self.get),
            ("PUT", one, self.update),
            ("DELETE", one, self.delete),
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Step 1 of a login.  Our choice: a new token each time, with `force` or without."""
        user = self._user(request, Access.AUTH_ONLY)
        body_rules.check(await json_body(request), body_rules.NEW_TOKEN)
        return json_answer({"data": self._world.new_token(user).json()})

    async def list_tokens(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        tokens = self._world.credentials.tokens_of(user.uid)
        page, meta = managed_page(
            "GET /users/{uid}/auth_tokens", tokens, request.query, strict=self._world.strict
        )
        return json_answer({"data": [token.json() for token in page], "meta": meta})

    async def get(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": self._token(request).json()})

    async def update(self, request: web.Request) -> web.StreamResponse:
        token = self._token(request)
        token.details |= body_rules.check(await json_body(request), body_rules.CHANGED_TOKEN)
        self._world.credentials.changed(token)
        return json_answer({"data": token.json()})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Our choice: sockets that were opened with it stay open, as at a logout."""
        self._world.credentials.revoke(self._token(request).text)
        return json_answer({"data": {"success": True, "message": "the auth token is no more"}})

    async def flush(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        self._world.credentials.revoke_all_of(user.uid)
        message = f"{user.uid} has no auth tokens any more"
        return json_answer({"data": {"success": True, "message": message}})

    def _user(self, request: web.Request, needed: Access = Access.FULL) -> User:
        self._callers.check_key(request, needed)
        return self._world.users.get(request.match_info["uid"])

    def _token(self, request: web.Request) -> AuthToken:
        user = self._user(request)
        return self._world.credentials.token_of(user.uid, request.match_info["authToken"])
