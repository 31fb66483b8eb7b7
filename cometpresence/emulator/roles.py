"""The roles of the app.  Each user has one; `default` is always there."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .refusal import Refusal

DEFAULT = "default"
MOST = 25  # as documented; user files may have more

_ROLE = re.compile(r"[a-z0-9_-]{1,100}")


@dataclass(slots=True, kw_only=True)
class Role:
    role: str
    name: str
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0

    def json(self) -> dict[str, Any]:
        optional = {
            "description": self.description,
            "metadata": self.metadata,
            "settings": self.settings,
            "updatedAt": self.updated_at,
        }
        shown = {"role": self.role, "name": self.name, "createdAt": self.created_at}
        return shown | {name: value for name, value in optional.items() if value}


class Roles:
    """`tell` is given the name of each that came, changed or went; whoever changes a Role calls
    changed()."""

    def __init__(self, tell: Callable[[str], None] = lambda role: None) -> None:
        self._roles: dict[str, Role] = {}
        self._tell = tell

    def __iter__(self) -> Iterator[Role]:
        return iter(self._roles.values())

    def __len__(self) -> int:
        return len(self._roles)

    def __contains__(self, role: str) -> bool:
        return role in self._roles

    def get(self, role: str) -> Role:
        found = self._roles.get(role.lower())
        if found is None:
            raise Refusal("ERR_ROLE_NOT_FOUND", f"the role {role} does not exist")
        return found

    def add(self, role: str, fields: dict[str, Any], *, now: int) -> Role:
        if role.lower() in self._roles:
            raise Refusal("ERR_ROLE_ALREADY_EXISTS", f"the role {role} exists already")
        added = Role(role=role.lower(), created_at=now, **{"name": role, **fields})
        self.put(added)
        return added

    def put(self, role: Role) -> None:
        self._roles[role.role] = role
        self.changed(role)

    def changed(self, role: Role) -> None:
        self._tell(role.role)

    def ensure(self, role: str, *, now: int) -> None:
        """Users of a file, or of a test, bring their roles along."""
        if role not in self._roles:
            self.put(Role(role=role, name=role, created_at=now))

    def remove(self, role: Role) -> None:
        if role.role == DEFAULT:
            raise Refusal("ERR_ROLE_DELETE_DENIED", "the default role cannot be deleted")
        del self._roles[role.role]
        self.changed(role)

    def become(self, other: "Roles") -> None:
        """Have the roles of the other one instead; nobody is told."""
        self._roles = other._roles

    def all_keys(self) -> list[str]:
        return list(self._roles)

    def kept(self, role: str) -> dict[str, Any] | None:
        found = self._roles.get(role)
        return None if found is None else found.json()


def is_role_name(text: str) -> bool:
    return _ROLE.fullmatch(text.lower()) is not None
