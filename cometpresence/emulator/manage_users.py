"""The management API's users: what scripts on a server do with a key (REST API v3)."""

from typing import Any

from aiohttp import web

from . import body_rules
from .answers import Route, json_answer, json_body, versioned
from .callers import Access, Callers
from .user_query import UserQuery
from .users import User
from .wire import user_json
from .world import World


class ManageUsers:
    def __init__(self, world: World) -> None:
        self._world = world
        self._callers = Callers(world)

    def routes(self) -> list[Route]:
        return versioned(
            ("POST", "/users", self.create),
            ("PUT", "/users", self.reactivate),
            ("DELETE", "/users", self.deactivate),
            ("PUT", "/users/{uid}", self.update),
            ("DELETE", "/users/{uid}", self.delete),
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_key(request, Access.AUTH_ONLY)
        body = await json_body(request)
        fields = body_rules.check(body, body_rules.NEW_USER, "uid", "name")
        with_token = fields.pop("withAuthToken", False)
        self._check_role(fields)
        user = self._world.users.add(fields, now=self._world.clock.seconds())
        created = user_json(user)
        if with_token:
            created["authToken"] = self._world.new_token(user).text
        return json_answer({"data": created})

    async def update(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_key(request, Access.AUTH_ONLY)
        user = self._world.users.get(request.match_info["uid"])
        fields = body_rules.check(await json_body(request), body_rules.CHANGED_USER)
        for name in fields.pop("unset", []):
            fields[name] = {} if name == "metadata" else ""
        self._check_role(fields)
        self._world.users.update(user.uid, fields, now=self._world.clock.seconds())
        return json_answer({"data": user_json(user)})

    def _check_role(self, fields: dict[str, Any]) -> None:
        if "role" in fields:
            fields["role"] = self._world.roles.get(fields["role"]).role

    async def list_users(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_key(request)
        query = UserQuery.parse_managed(request.query, strict=self._world.strict)
        viewer = self._callers.viewer(request)
        answer = query.answer(self._world.users, viewer)
        if query.count_only:
            answer = {"data": {"count": answer["meta"]["pagination"]["total"]}}
        return json_answer(answer)

    async def get(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_key(request)
        user = self._world.users.get(request.match_info["uid"])
        return json_answer({"data": user_json(user, viewer=self._callers.viewer(request))})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Our choice: with or without `permanent` the user is gone, sockets and tokens too."""
        self._callers.check_key(request)
        user = self._world.users.get(request.match_info["uid"])
        body_rules.check(await json_body(request), body_rules.DELETED_USER)
        self._world.remove_user(user)
        return json_answer({"data": {"success": True, "message": f"deleted the user {user.uid}"}})

    async def deactivate(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_key(request)
        users = await self._listed(request, "uidsToDeactivate")
        for user in users:
            self._world.deactivate(user)
        return json_answer({"data": {"deactivatedUids": [user.uid for user in users]}})

    async def reactivate(self, request: web.Request) -> web.StreamResponse:
        """The answer's name is the vendor's: those that are no longer deactivated."""
        self._callers.check_key(request)
        users = await self._listed(request, "uidsToActivate")
        for user in users:
            user.deactivated_at = 0
            self._world.users.changed(user)
        return json_answer({"data": {"nonDeactivatedUids": [user.uid for user in users]}})

    async def _listed(self, request: web.Request, name: str) -> list[User]:
        """Our choice: an unknown uid among them refuses them all."""
        uids = body_rules.listed_uids(await json_body(request), name)
        return [self._world.users.get(uid) for uid in uids]
