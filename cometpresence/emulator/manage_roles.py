"""The management API's roles."""

from typing import Any

from aiohttp import web

from . import body_rules
from .answers import Route, json_answer, json_body, versioned
from .callers import Callers
from .paging import managed_page
from .refusal import Refusal
from .roles import DEFAULT, MOST, Role
from .world import World


class ManageRoles:
    def __init__(self, world: World) -> None:
        self._world = world
        self._callers = Callers(world)

    def routes(self) -> list[Route]:
        return versioned(
            ("POST", "/roles", self.create),
            ("GET", "/roles", self.list_roles),
            ("GET", "/roles/{role}", self.get),
            ("PUT", "/roles/{role}", self.update),
            ("DELETE", "/roles/{role}", self.delete),
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Our choice: the 26th role is a quota's error."""
        self._callers.check_key(request)
        fields = _fields(
            body_rules.check(await json_body(request), body_rules.NEW_ROLE, "role", "name")
        )
        name = fields.pop("role")
        if len(self._world.roles) >= MOST and self._world.strict:
            raise Refusal("ERR_PLAN_QUOTA_RESTRICTION", f"an app has at most {MOST} roles")
        role = self._world.roles.add(name, fields, now=self._world.clock.seconds())
        return json_answer({"data": role.json()})

    async def list_roles(self, request: web.Request) -> web.StreamResponse:
        self._callers.check_key(request)
        roles = sorted(self._world.roles, key=lambda role: (role.created_at, role.role))
        page, meta = managed_page("GET /roles", roles, request.query, strict=self._world.strict)
        return json_answer({"data": [role.json() for role in page], "meta": meta})

    async def get(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": self._role(request).json()})

    async def update(self, request: web.Request) -> web.StreamResponse:
        role = self._role(request)
        fields = _fields(body_rules.check(await json_body(request), body_rules.CHANGED_ROLE))
        for name in fields.pop("unset", []):
            fields[name] = "" if name == "description" else {}
        for name, value in fields.items():
            setattr(role, name, value)
        role.updated_at = self._world.clock.seconds()
        self._world.roles.changed(role)
        return json_answer({"data": role.json()})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Our choice: who had the role has the default one now."""
        role = self._role(request)
        self._world.roles.remove(role)
        for user in self._world.users:
            if user.role == role.role:
                user.role = DEFAULT
                self._world.users.changed(user)
        return json_answer({"data": {"success": True, "message": f"deleted the role {role.role}"}})

    def _role(self, request: web.Request) -> Role:
        self._callers.check_key(request)
        return self._world.roles.get(request.match_info["role"])


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    """An empty list of settings, as the documented example has it, is no settings."""
    return body | ({"settings": {}} if body.get("settings") == [] else {})
