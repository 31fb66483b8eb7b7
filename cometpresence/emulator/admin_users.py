"""/_emulator/users: who there is, seen and changed by whoever steers the emulator."""

from typing import Any

from aiohttp import web

from .answers import Route, json_answer, json_body
from .refusal import bad_request
from .users import User
from .world import World

CHANGEABLE = ("name", "role", "avatar", "link", "statusMessage", "metadata", "tags", "friends")


class AdminUsers:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        path = "/_emulator/users"
        return [
            ("GET", path, self.list_users),
            ("POST", path, self.add),
            ("GET", f"{path}/{{uid}}", self.show),
            ("PUT", f"{path}/{{uid}}", self.change),
            ("DELETE", f"{path}/{{uid}}", self.remove),
            ("POST", f"{path}/{{uid}}/status", self.set_status),
        ]

    async def list_users(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": [user.record() for user in self._world.users]})

    async def add(self, request: web.Request) -> web.StreamResponse:
        user = self._world.add_user(await json_body(request))
        return json_answer({"data": user.record()})

    async def show(self, request: web.Request) -> web.StreamResponse:
        return json_answer({"data": self._record(self._user(request))})

    async def change(self, request: web.Request) -> web.StreamResponse:
        """All that the body has, or nothing; a new role comes with it, as with a new user."""
        user, body = self._user(request), await json_body(request)
        if odd := sorted(body.keys() - CHANGEABLE):
            raise bad_request(f"{', '.join(odd)} cannot be changed here")
        wanted = User(uid=user.uid)
        wanted.assign(body)
        friends = {self._world.users.get(uid).uid for uid in wanted.friends} - {user.uid}
        now = self._world.clock.seconds()
        fields = {name: value for name, value in body.items() if name != "friends"}
        self._world.users.update(user.uid, fields, now=now)
        self._world.roles.ensure(user.role, now=now)
        if "friends" in body:
            self._world.users.befriend(user, friends)
        self._world.journal.write("in", "lifecycle", event="user_changed", uid=user.uid)
        return json_answer({"data": self._record(user)})

    async def remove(self, request: web.Request) -> web.StreamResponse:
        self._world.remove_user(self._user(request))
        return json_answer({"data": {}})

    async def set_status(self, request: web.Request) -> web.StreamResponse:
        user, body = self._user(request), await json_body(request)
        at = body.get("at")
        match body.get("status"):
            case "online":
                self._world.presence.hold_online(user.uid, at)
            case "offline":
                self._world.presence.send_offline(user.uid, at)
            case other:
                raise bad_request(f"status must be online or offline, not {other!r}")
        return json_answer({"data": user.record()})

    def _user(self, request: web.Request) -> User:
        return self._world.users.get(request.match_info["uid"])

    def _record(self, user: User) -> dict[str, Any]:
        """With all friends, whichever side declared them."""
        friends = [other.uid for other in self._world.users if user.is_friend_of(other)]
        return {**user.record(), "friends": sorted(friends)}
