"""The state as a document, to export and to import: roles, users and, if asked for, auth tokens.

    {"format": "cometpresence emulator state", "version": 1, "app_id": …, "region": …,
     "roles": [{"role": …, "name": …}], "users": [{"uid": …}],
     "auth_tokens": [{"authToken": …, "uid": …, "jwts": […]}]}

All members are optional, so that a user file is such a document, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from . import body_rules
from .body_rules import Rule
from .credentials import AuthToken, Credentials, is_jwt_of, is_token_of
from .refusal import Refusal, bad_request
from .roles import DEFAULT, Role, Roles
from .users import Directory

FORMAT: Final = "cometpresence emulator state"
VERSION: Final = 1

_MANY: Final = 1_000_000
THINGS: Final = ("roles", "users", "auth_tokens")
_MEMBERS = {"format", "version", "app_id", "region", *THINGS}


def _number(value: object) -> str | None:
    fine = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if fine else "must be a whole number, 0 or more"


_ROLE: Mapping[str, Rule] = {
    "role": body_rules.role_name,
    "name": body_rules.text(_MANY),
    "description": body_rules.text(_MANY),
    "metadata": body_rules.members,
    "settings": body_rules.settings,
    "createdAt": _number,
    "updatedAt": _number,
}
_TOKEN: Mapping[str, Rule] = {
    "authToken": body_rules.text(_MANY),
    "uid": body_rules.text(_MANY),
    "createdAt": _number,
    "jwts": body_rules.texts(_MANY, _MANY),
    **body_rules.CHANGED_TOKEN,
}


@dataclass(frozen=True, slots=True)
class State:
    """Who there is, in which roles, and what they log in with."""

    users: Directory = field(default_factory=Directory)
    roles: Roles = field(default_factory=Roles)
    credentials: Credentials = field(default_factory=Credentials)

    def become(self, other: "State") -> None:
        """Have all of the other one's instead."""
        self.users.become(other.users)
        self.roles.become(other.roles)
        self.credentials.become(other.credentials)

    def document(self, *, auth_tokens: bool) -> dict[str, Any]:
        """For read_state()."""
        things: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "roles": [role.json() for role in self.roles],
            "users": [user.record() for user in self.users],
        }
        if auth_tokens:
            things["auth_tokens"] = [token.record() for token in self.credentials]
        return things


def read_state(document: object, *, now: int) -> State:
    """A state of its own; a ValueError says what of the document is wrong, and where.

    Who has no role or times in it gets them `now`.
    """
    if not isinstance(document, Mapping):
        raise bad_request("a state is an object, with users in it")
    if unknown := document.keys() - _MEMBERS:
        raise bad_request(f"{min(unknown)} is no member of a state")
    if document.get("format", FORMAT) != FORMAT:
        raise bad_request(f"format must be {FORMAT!r}")
    if document.get("version", VERSION) != VERSION:
        raise bad_request(f"version must be {VERSION}, which is what this cometpresence knows")
    for name in ("app_id", "region"):
        if not isinstance(document.get(name, ""), str):
            raise bad_request(f"{name} must be text")
    state = State()
    for path, record in _records(document, "roles"):
        _read_role(state, path, record, now)
    state.roles.ensure(DEFAULT, now=now)
    for path, record in _records(document, "users"):
        try:
            user = state.users.add(record, now=now)
        except Refusal as refusal:
            raise bad_request(f"{path}: {refusal}") from None
        state.roles.ensure(user.role, now=now)
    for path, record in _records(document, "auth_tokens"):
        _read_token(state, path, record)
    return state


def _records(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The things of a list, each with its path."""
    listed = document.get(name, [])
    if not isinstance(listed, (list, tuple)):
        raise bad_request(f"{name} must be a list")
    for number, record in enumerate(listed):
        if not isinstance(record, Mapping):
            raise bad_request(f"{name}[{number}] must be an object")
        yield f"{name}[{number}]", record


def _read_role(state: State, path: str, record: Mapping[str, Any], now: int) -> None:
    fields = _checked(path, record, _ROLE, "role")
    name = fields["role"].lower()
    if name in state.roles:
        raise bad_request(f"{path}.role is there twice")
    state.roles.put(
        Role(
            role=name,
            name=fields.get("name") or fields["role"],
            description=fields.get("description", ""),
            metadata=fields.get("metadata", {}),
            settings=fields.get("settings") or {},
            created_at=fields.get("createdAt", now),
            updated_at=fields.get("updatedAt", 0),
        )
    )


def _read_token(state: State, path: str, record: Mapping[str, Any]) -> None:
    fields = _checked(path, record, _TOKEN, "authToken", "uid", "createdAt")
    text, uid, jwts = fields.pop("authToken"), fields.pop("uid"), fields.pop("jwts", [])
    if state.users.find(uid) is None:
        raise bad_request(f"{path}.uid is nobody's")
    if not is_token_of(uid, text):
        raise bad_request(f"{path}.authToken is none that an emulator made for {uid}")
    if not all(is_jwt_of(uid, jwt) for jwt in jwts):
        raise bad_request(f"{path}.jwts has one that no emulator made for {uid}")
    if state.credentials.has(text, *jwts) or len(set(jwts)) < len(jwts):
        raise bad_request(f"{path} has a token or jwt that is there twice")
    created_at = fields.pop("createdAt")
    state.credentials.put(AuthToken(text, uid, created_at, details=fields, jwts=list(jwts)))


def _checked(
    path: str, record: Mapping[str, Any], rules: Mapping[str, Rule], *required: str
) -> dict[str, Any]:
    if unknown := record.keys() - rules.keys():
        raise bad_request(f"{path}.{min(unknown)} is unknown")
    try:
        return body_rules.check(record, rules, *required)
    except Refusal as refusal:
        first = next(iter(refusal.details.values()))
        raise bad_request(f"{path}.{first[0]}") from None
