"""The users of the app: who they are, who knows whom, who is online."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from .body_rules import members
from .refusal import Refusal, bad_request
from .roles import DEFAULT, is_role_name

_UID = re.compile(r"[a-z0-9_-]{1,100}")

# Names on the wire and in user files -> attributes.  Snake case is accepted for Python callers.
_TEXTS = {
    "name": "name",
    "avatar": "avatar",
    "link": "link",
    "statusMessage": "status_message",
    "status_message": "status_message",
}
_NUMBERS = {
    "lastActiveAt": "last_active_at",
    "last_active_at": "last_active_at",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "deactivatedAt": "deactivated_at",
}
_UID_SETS = {"friends", "blocked"}
FIELDS = frozenset(
    {*_TEXTS, *_NUMBERS, *_UID_SETS, "uid", "role", "metadata", "tags", "status", "online"}
)
STATUSES = ("online", "available", "offline")


@dataclass(slots=True, kw_only=True)
class User:
    uid: str
    name: str = ""
    role: str = DEFAULT
    avatar: str = ""
    link: str = ""
    status_message: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    friends: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)  # uids this user has blocked
    online: bool = False
    held: bool = False  # online without a socket, because set_online() said so
    last_active_at: int = 0  # 0: never seen
    created_at: int = 0
    updated_at: int = 0
    deactivated_at: int = 0

    def is_friend_of(self, other: "User") -> bool:
        """Friendship is bidirectional, whichever side declared it; nobody is their own friend."""
        declared = other.uid in self.friends or self.uid in other.friends
        return declared and other is not self

    def assign(self, data: Mapping[str, Any]) -> None:
        """Take the profile fields of `data`; presence and the uid are not among them."""
        for key, value in data.items():
            if key in _TEXTS:
                setattr(self, _TEXTS[key], _text(key, value))
            elif key in _NUMBERS:
                setattr(self, _NUMBERS[key], _number(key, value))
            elif key in _UID_SETS:
                setattr(self, key, {uid.lower() for uid in _texts(key, value)})
            elif key == "role":
                self.role = _role(value)
            elif key == "tags":
                self.tags = _texts(key, value)
            elif key == "metadata":
                self.metadata = _metadata(value)

    def record(self) -> dict[str, Any]:
        """Everything there is to know, in the form user files have."""
        return {
            "uid": self.uid,
            "name": self.name,
            "role": self.role,
            "avatar": self.avatar,
            "link": self.link,
            "statusMessage": self.status_message,
            "metadata": self.metadata,
            "tags": self.tags,
            "friends": sorted(self.friends),
            "blocked": sorted(self.blocked),
            "status": "online" if self.online else "offline",
            "lastActiveAt": self.last_active_at,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "deactivatedAt": self.deactivated_at,
        }


class Directory:
    """All users by uid.  Uids are lower case here, whatever was typed.

    `tell` is given the uid of each who came, changed or went; whoever changes a User calls
    changed().
    """

    def __init__(self, tell: Callable[[str], None] = lambda uid: None) -> None:
        self._users: dict[str, User] = {}
        self._tell = tell

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def __len__(self) -> int:
        return len(self._users)

    def find(self, uid: str) -> User | None:
        return self._users.get(uid.lower())

    def get(self, uid: str) -> User:
        user = self.find(uid)
        if user is None:
            fix = "add_user() or POST /users creates it"
            raise Refusal("ERR_UID_NOT_FOUND", f"the uid {uid} does not exist: {fix}")
        return user

    def add(self, data: Mapping[str, Any], *, now: int) -> User:
        uid = str(data.get("uid", "")).lower()
        if not is_uid(uid):
            raise bad_request(f"a uid is 1 to 100 of a-z 0-9 - _, not {uid!r}")
        if uid in self._users:
            raise Refusal("ERR_UID_ALREADY_EXISTS", f"the uid {uid} exists already")
        if unknown := data.keys() - FIELDS:
            raise bad_request(f"user {uid} has unknown fields: {', '.join(sorted(unknown))}")
        user = User(uid=uid, name=uid, created_at=now, updated_at=now)
        user.assign(data)
        user.name = user.name or uid
        user.online = user.held = wants_online(data)
        if user.online and not user.last_active_at:
            user.last_active_at = now
        self._users[uid] = user
        self.changed(user)
        return user

    def changed(self, user: User) -> None:
        self._tell(user.uid)

    def update(self, uid: str, data: Mapping[str, Any], *, now: int) -> User:
        user = self.get(uid)
        user.assign(data)
        user.name = user.name or user.uid
        user.updated_at = now
        self.changed(user)
        return user

    def befriend(self, user: User, friends: Collection[str]) -> None:
        """Friends with these and with nobody else, whichever side declared it."""
        user.friends = set(friends)
        self.changed(user)
        for other in self:
            if other.uid not in friends and user.uid in other.friends:
                other.friends.discard(user.uid)
                self.changed(other)

    def remove(self, user: User) -> None:
        """And nobody knows them any more."""
        del self._users[user.uid]
        self.changed(user)
        for other in self:
            if user.uid in other.friends or user.uid in other.blocked:
                other.friends.discard(user.uid)
                other.blocked.discard(user.uid)
                self.changed(other)

    def become(self, other: "Directory") -> None:
        """Have the users of the other one instead; nobody is told."""
        self._users = other._users

    def all_keys(self) -> list[str]:
        return list(self._users)

    def kept(self, uid: str) -> dict[str, Any] | None:
        """What outlives the emulator: all but presence."""
        record = None if (user := self.find(uid)) is None else user.record()
        return record and {name: value for name, value in record.items() if name != "status"}

    def online(self) -> frozenset[str]:
        return frozenset(user.uid for user in self if user.online)


def is_uid(text: str) -> bool:
    return _UID.fullmatch(text) is not None


def wants_online(data: Mapping[str, Any]) -> bool:
    """What `online` or `status` of a new user say; without them, or empty, it is no."""
    online, status = data.get("online"), data.get("status")
    if online not in (None, True, False):
        raise bad_request("online must be true or false")
    if status not in (None, "", *STATUSES):
        raise bad_request(f"status must be one of {', '.join(STATUSES)}, not {status!r}")
    wanted = bool(online) or status in ("online", "available")
    if wanted and (data.get("deactivatedAt") or data.get("deactivated_at")):
        raise bad_request("who is deactivated cannot be online")
    return wanted


def profile_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What clients may write of their user: neither role, as documented, nor presence and times."""
    writable = {"name", "avatar", "link", "statusMessage", "metadata", "tags"}
    return {key: value for key, value in body.items() if key in writable}


def _text(key: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad_request(f"{key} must be text")
    return value


def _role(value: object) -> str:
    """In lower case, as roles are; none is the default one."""
    role = _text("role", value).lower() or DEFAULT
    if not is_role_name(role):
        raise bad_request(f"the role {value!r} has other characters than a-z 0-9 - _")
    return role


def _metadata(value: object) -> dict[str, Any]:
    metadata = dict(value) if isinstance(value, Mapping) else value
    if (fault := members(metadata)) is not None:
        raise bad_request(f"metadata {fault}")
    return cast(dict[str, Any], metadata)


def _texts(key: str, value: object) -> list[str]:
    if isinstance(value, (list, tuple, set, frozenset)):
        texts = [item for item in value if isinstance(item, str)]
        if len(texts) == len(value):
            return texts
    raise bad_request(f"{key} must be a list of text")


def _number(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise bad_request(f"{key} must be a whole number of seconds, 0 or more")
    return value
