"""Where users come from: a file, a collection, or the default cast."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

UserSource = Collection[Mapping[str, Any] | Path] | str | Path

# The users every new CometChat app starts with, in roles and friendships that make them useful.
DEFAULT_CAST: tuple[dict[str, Any], ...] = (
    {"uid": "superhero1", "name": "Iron Man", "friends": ["superhero2", "superhero3"]},
    {"uid": "superhero2", "name": "Captain America", "role": "teacher", "tags": ["vip"]},
    {"uid": "superhero3", "name": "Spiderman", "role": "student"},
    {"uid": "superhero4", "name": "Wolverine", "role": "teacher"},
    {"uid": "superhero5", "name": "Cyclops", "role": "student", "tags": ["vip"]},
)


def load_users(source: UserSource) -> tuple[dict[str, Any], ...]:
    """Plain records from JSON files (a list or {"users": [...]}), from mappings, or from both.

    A file with an empty list means nobody; no users at all mean the default cast.
    """
    listed = [Path(source)] if isinstance(source, (str, Path)) else source
    records = list[dict[str, Any]]()
    for item in listed:
        if isinstance(item, Path):
            records += _users_of(item)
        elif isinstance(item, Mapping):
            records.append(dict(item))
        else:
            raise ValueError("every user must be an object with at least a uid")
    return tuple(records) if listed else DEFAULT_CAST


def _users_of(path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON in UTF-8: {error}") from None
    users = document.get("users") if isinstance(document, dict) else document
    if not isinstance(users, list):
        raise ValueError(f'{path} must hold a list of users, or {{"users": [...]}}')
    if not all(isinstance(user, dict) for user in users):
        raise ValueError(f"{path}: every user must be an object with at least a uid")
    return users
