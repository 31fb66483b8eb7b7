"""The REST calls a presence client makes (PROTOCOL §3.3)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from .credentials import same
from .refusal import Refusal, bad_request, not_emulated
from .user_query import UserQuery
from .users import User, profile_of
from .wire import dumps, settings_json, user_json
from .world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PREFIXES = ("", "/v3", "/v3.0")


def json_answer(body: object, *, status: int = 200, headers: Any = None) -> web.Response:
    return web.Response(
        text=dumps(body), status=status, content_type="application/json", headers=headers
    )


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
    try:
        parts = urlsplit(f"//{request.headers.get('Host', '')}")
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    own_name, _, own_port = world.address.rpartition(":")
    if name is None or (name not in _LOOPBACK and own_name.strip("[]") in _LOOPBACK):
        return world.address
    return f"[{name}]:{port or own_port}" if ":" in name else f"{name}:{port or own_port}"


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


class RestApi:
    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, router: web.UrlDispatcher) -> None:
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/users/{uid}/auth_tokens", self.create_auth_token),
            ("PUT", "/me", self.put_me),
            ("GET", "/me", self.get_me),
            ("DELETE", "/me", self.delete_me),
            ("POST", "/me/jwt", self.create_jwt),
            ("GET", "/settings", self.get_settings),
            ("GET", "/users", self.list_users),
            ("POST", "/users", self.create_user),
            ("GET", "/users/{uid}", self.get_user),
            ("PUT", "/users/{uid}", self.update_user),
            ("POST", "/user_sessions", self.note_session),
        ]
        for method, path, handler in table:
            for prefix in _PREFIXES:
                router.add_route(method, prefix + path, handler)
        router.add_route("POST", "/v1/ping", self.analytics_ping)
        router.add_route("POST", "/api/v1.0/online-members", self.count_online)

    # ---- who is asking

    def _check_app(self, request: web.Request) -> None:
        app_id = request.headers.get("appId", "")
        if not app_id:
            raise Refusal("AUTH_ERR_EMPTY_APPID", "the appId header is missing or empty")
        if app_id != self._world.app_id:
            raise Refusal("AUTH_ERR_INVALID_APPID", f"the app {app_id} does not exist")

    def _check_api_key(self, request: web.Request) -> None:
        self._check_app(request)
        key = request.headers.get("apiKey", "")
        if not key:
            raise Refusal("AUTH_ERR_EMPTY_APIKEY", "the apiKey header is missing or empty")
        if not same(key, self._world.auth_key):
            raise Refusal("AUTH_ERR_APIKEY_NOT_FOUND", "the api key does not exist")

    def _own_user(self, request: web.Request) -> tuple[User, str]:
        """The user whose auth token came with the request, and the token."""
        self._check_app(request)
        token = request.headers.get("authToken", "")
        return self._world.users.get(self._world.credentials.uid_of_token(token)), token

    def _check_jwt(self, request: web.Request, scheme: str) -> None:
        """Our choice: a bad jwt is ERR_NO_AUTH everywhere; the SDK knows it from the ping."""
        self._check_app(request)
        jwt = request.headers.get("Authorization", "").removeprefix(scheme)
        if self._world.credentials.uid_of_jwt(jwt) is None:
            raise Refusal("ERR_NO_AUTH", "the jwt is missing, unknown or expired")

    # ---- login, own user

    async def create_auth_token(self, request: web.Request) -> web.StreamResponse:
        self._check_api_key(request)
        user = self._world.users.get(request.match_info["uid"])
        token = self._world.credentials.new_token(user.uid)
        now = self._world.clock.seconds()
        return json_answer({"data": {"uid": user.uid, "authToken": token, "createdAt": now}})

    async def put_me(self, request: web.Request) -> web.StreamResponse:
        """Login step 2 and updateCurrentUserDetails in one, as on the real path."""
        user, token = self._own_user(request)
        if profile := profile_of(await json_body(request)):
            self._world.users.update(user.uid, profile, now=self._world.clock.seconds())
        return self._me(request, user, token)

    async def get_me(self, request: web.Request) -> web.StreamResponse:
        return self._me(request, *self._own_user(request))

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
        _, token = self._own_user(request)
        self._world.credentials.revoke(token)
        return json_answer({"data": {"success": True, "message": "logged out"}})

    async def create_jwt(self, request: web.Request) -> web.StreamResponse:
        _, token = self._own_user(request)
        return json_answer({"data": {"token": self._world.credentials.new_jwt(token)}})

    async def get_settings(self, request: web.Request) -> web.StreamResponse:
        self._own_user(request)
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
        viewer, _ = self._own_user(request)
        query = UserQuery.parse(request.query, strict=self._world.strict)
        if self._world.before_page is not None:
            self._world.before_page(query.page)
        if (moving := self._world.faults.strike("moving_pages")) is not None:
            self._world.move_some(int(moving.settings["users"]))
        return json_answer(query.answer(self._world.users, viewer))

    async def get_user(self, request: web.Request) -> web.StreamResponse:
        viewer, _ = self._own_user(request)
        user = self._world.users.get(request.match_info["uid"])
        return json_answer({"data": user_json(user, viewer=viewer)})

    async def create_user(self, request: web.Request) -> web.StreamResponse:
        self._check_api_key(request)
        body = await json_body(request)
        record = {"uid": body.get("uid", ""), **profile_of(body)}
        user = self._world.users.add(record, now=self._world.clock.seconds())
        created = user_json(user)
        if body.get("withAuthToken"):
            created["authToken"] = self._world.credentials.new_token(user.uid)
        return json_answer({"data": created})

    async def update_user(self, request: web.Request) -> web.StreamResponse:
        self._check_api_key(request)
        profile = profile_of(await json_body(request))
        uid = request.match_info["uid"]
        user = self._world.users.update(uid, profile, now=self._world.clock.seconds())
        return json_answer({"data": user_json(user)})

    # ---- by the way

    async def note_session(self, request: web.Request) -> web.StreamResponse:
        self._own_user(request)
        body = await json_body(request)
        return json_answer({"data": {"sessionId": body.get("sessionId")}})

    async def analytics_ping(self, request: web.Request) -> web.StreamResponse:
        self._check_jwt(request, "Bearer ")
        return json_answer({"data": {"success": True}})

    async def count_online(self, request: web.Request) -> web.StreamResponse:
        self._check_jwt(request, "")
        if "groups" in await json_body(request):
            raise not_emulated("groups")
        return json_answer({"data": {"onlineUsersCount": len(self._world.users.online())}})
