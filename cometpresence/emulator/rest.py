"""The REST calls a presence client makes with its token (PROTOCOL §3.3)."""

from typing import Any

from aiohttp import web

from .answers import Handler, Route, json_answer, json_body, own_host, versioned
from .callers import Callers, has_key
from .manage_users import ManageUsers
from .refusal import not_emulated
from .user_query import UserQuery
from .users import User, profile_of
from .wire import settings_json, user_json
from .world import World


class RestApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._callers = Callers(world)

    def routes(self, manage: ManageUsers) -> list[Route]:
        return [
            *versioned(
                ("PUT", "/me", self.put_me),
                ("GET", "/me", self.get_me),
                ("DELETE", "/me", self.delete_me),
                ("POST", "/me/jwt", self.create_jwt),
                ("GET", "/settings", self.get_settings),
                ("GET", "/users", _either(manage.list_users, self.list_users)),
                ("GET", "/users/{uid}", _either(manage.get, self.get_user)),
                ("POST", "/user_sessions", self.note_session),
            ),
            ("POST", "/v1/ping", self.analytics_ping),
            ("POST", "/api/v1.0/online-members", self.count_online),
        ]

    # ---- login, own user

    async def put_me(self, request: web.Request) -> web.StreamResponse:
        """Login step 2 and updateCurrentUserDetails in one, as on the real path."""
        user, token = self._callers.own_user(request)
        if profile := profile_of(await json_body(request)):
            self._world.users.update(user.uid, profile, now=self._world.clock.seconds())
        return self._me(request, user, token)

    async def get_me(self, request: web.Request) -> web.StreamResponse:
        return self._me(request, *self._callers.own_user(request))

    def _me(self, request: web.Request, user: User, token: str) -> web.StreamResponse:
        me = user_json(user)
        me["authToken"] = token
        me["wsChannel"] = {
            "identity": f"[{self._world.app_id}]{user.uid}",
            "secret": "",
            "service": "emulator",
        }
        me["jwt"] = self._world.credentials.new_jwt(token)
        me["settings"] = self._settings(request)
        return json_answer({"data": me})

    async def delete_me(self, request: web.Request) -> web.StreamResponse:
        """Our choice: the token ends here, open sockets stay until the client closes them."""
        _, token = self._callers.own_user(request)
        self._world.credentials.revoke(token)
        return json_answer({"data": {"success": True, "message": "logged out"}})

    async def create_jwt(self, request: web.Request) -> web.StreamResponse:
        _, token = self._callers.own_user(request)
        return json_answer({"data": {"token": self._world.credentials.new_jwt(token)}})

    async def get_settings(self, request: web.Request) -> web.StreamResponse:
        self._callers.own_user(request)
        return json_answer({"data": self._settings(request)})

    def _settings(self, request: web.Request) -> dict[str, Any]:
        return settings_json(
            own_host(request, self._world),
            tls=self._world.tls,
            region=self._world.region,
            now=self._world.clock.seconds(),
            chat_on_one_port=self._world.chat_on_one_port,
        )

    # ---- other users

    async def list_users(self, request: web.Request) -> web.StreamResponse:
        viewer, _ = self._callers.own_user(request)
        query = UserQuery.parse(request.query, strict=self._world.strict)
        if self._world.before_page is not None:
            self._world.before_page(query.page)
        if (moving := self._world.faults.strike("moving_pages")) is not None:
            self._world.move_some(int(moving.settings["users"]))
        return json_answer(query.answer(self._world.users, viewer))

    async def get_user(self, request: web.Request) -> web.StreamResponse:
        viewer, _ = self._callers.own_user(request)
        user = self._world.users.get(request.match_info["uid"])
        return json_answer({"data": user_json(user, viewer=viewer)})

    # ---- by the way

    async def note_session(self, request: web.Request) -> web.StreamResponse:
        self._callers.own_user(request)
        body = await json_body(request)
        return json_answer({"data": {"sessionId": body.get("sessionId")}})

    async def analytics_ping(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_jwt(request, "Bearer ")
        return json_answer({"data": {"success": True}})

    async def count_online(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_jwt(request, "")
        if "groups" in await json_body(request):
            raise not_emulated("groups")
        return json_answer({"data": {"onlineUsersCount": len(self._world.users.online())}})


def _either(with_key: Handler, with_token: Handler) -> Handler:
    """One path, two APIs: a script's with a key, a client's with its user's token."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await (with_key if has_key(request) else with_token)(request)

    return handle
