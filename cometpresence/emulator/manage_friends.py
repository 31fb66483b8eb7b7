"""The management API's friends.  Friendship is bidirectional."""

from typing import Any

from aiohttp import web

from . import body_rules
from .answers import Route, json_answer, json_body, versioned
from .callers import Callers
from .paging import managed_page
from .refusal import Refusal
from .users import User
from .wire import user_json
from .world import World


class ManageFriends:
    def __init__(self, world: World) -> None:
        self._world = world
        self._callers = Callers(world)

    def routes(self) -> list[Route]:
        path = "/users/{uid}/friends"
        return versioned(
            ("POST", path, self.add),
            ("GET", path, self.list_friends),
            ("DELETE", path, self.remove),
        )

    async def add(self, request: web.Request) -> web.StreamResponse:
        """Our choice: each uid has its own answer, and those that can be friends become it."""
        user = self._user(request)
        outcomes: dict[str, Any] = {}
        for uid in body_rules.listed_uids(await json_body(request), "accepted"):
            try:
                self._befriend(user, self._world.users.get(uid))
                outcomes[uid] = {"success": True, "message": f"{user.uid} and {uid} are friends"}
            except Refusal as refusal:
                outcomes[uid] = {"success": False, "error": refusal.error()}
        return json_answer({"data": {"accepted": outcomes}})

    def _befriend(self, user: User, other: User) -> None:
        if user is other:
            raise Refusal("ERR_CANNOT_FORM_SELF_RELATION", "nobody is their own friend")
        if user.is_friend_of(other):
            raise Refusal("ERR_ALREADY_FRIEND", f"{user.uid} and {other.uid} are friends already")
        user.friends.add(other.uid)
        self._world.users.changed(user)

    async def list_friends(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        friends = sorted(
            (other for other in self._world.users if user.is_friend_of(other)),
            key=lambda other: (other.name.casefold(), other.uid),
        )
        page, meta = managed_page(
            "GET /users/{uid}/friends", friends, request.query, strict=self._world.strict
        )
        return json_answer(
            {"data": [user_json(other, viewer=user) for other in page], "meta": meta}
        )

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """Our choice: somebody among them who is no friend refuses them all."""
        user = self._user(request)
        uids = body_rules.listed_uids(await json_body(request), "friends")
        others = [self._world.users.get(uid) for uid in uids]
        for other in others:
            if not user.is_friend_of(other):
                raise Refusal("ERR_NOT_A_FRIEND", f"{other.uid} is no friend of {user.uid}")
        for other in others:
            user.friends.discard(other.uid)
            other.friends.discard(user.uid)
            self._world.users.changed(other)
        self._world.users.changed(user)
        return json_answer({"data": {"success": True, "message": "they are friends no more"}})

    def _user(self, request: web.Request) -> User:
        self._callers.check_key(request)
        return self._world.users.get(request.match_info["uid"])
