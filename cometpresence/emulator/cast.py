"""Where users come from: a file, a collection, or the default cast."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .state import THINGS

UserSource = Collection[Mapping[str, Any] | Path] | str | Path

# The users every new CometChat app starts with, in roles and friendships that make them useful.
DEFAULT_CAST: tuple[dict[str, Any], ...] = (
    {"uid": "superhero1", "name": "Iron Man", "friends": ["superhero2", "superhero3"]},
    {"uid": "superhero2", "name": "Captain America", "role": "teacher", "tags": ["vip"]},
    {"uid": "superhero3", "name": "Spiderman", "role": "student"},
    {"uid": "superhero4", "name": "Wolverine", "role": "teacher"},
    {"uid": "superhero5", "name": "Cyclops", "role": "student", "tags": ["vip"]},
)


def initial_state(source: UserSource) -> dict[str, Any]:
    """For read_state(), from JSON files (a list, {"users": [...]} or what was exported), from
    mappings, or from both.

    A file with an empty list means nobody; no users at all mean the default cast.
    """
    listed = [Path(source)] if isinstance(source, (str, Path)) else source
    if not listed:
        return {"users": DEFAULT_CAST}
    state: dict[str, list[Any]] = {name: [] for name in THINGS}
    for item in listed:
        if isinstance(item, Path):
            for name, things in _read(item).items():
                state[name] += things
        elif isinstance(item, Mapping):
            state["users"].append(dict(item))
        else:
            raise ValueError("every user must be an object with at least a uid")
    of_name = {role["role"]: role for role in state["roles"] if "role" in role}
    return {**state, "roles": list(of_name.values())}


def _read(path: Path) -> dict[str, list[Any]]:
    """The lists in it; those of a document that is wrong otherwise are found out later."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON in UTF-8: {error}") from None
    things = document if isinstance(document, dict) else {"users": document}
    if not isinstance(things.get("users"), list):
        raise ValueError(f'{path} must hold a list of users, or {{"users": [...]}}')
    found = {name: things[name] for name in THINGS if name in things}
    for name, listed in found.items():
        if not isinstance(listed, list) or not all(isinstance(thing, dict) for thing in listed):
            raise ValueError(f"{path}: {name} must be a list of objects")
    return found
