"""Where users come from: a file, a collection, or the default cast."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

UserSource = Collection[Mapping[str, Any]] | str | Path

# The users every new CometChat app starts with, in roles and friendships that make them useful.
DEFAULT_CAST: tuple[dict[str, Any], ...] = (
    {"uid": "superhero1", "name": "Iron Man", "friends": ["superhero2", "superhero3"]},
    {"uid": "superhero2", "name": "Captain America", "role": "teacher", "tags": ["vip"]},
    {"uid": "superhero3", "name": "Spiderman", "role": "student"},
    {"uid": "superhero4", "name": "Wolverine", "role": "teacher"},
    {"uid": "superhero5", "name": "Cyclops", "role": "student", "tags": ["vip"]},
)


def load_users(source: UserSource) -> tuple[dict[str, Any], ...]:
    """Plain records from a JSON file (a list or {"users": [...]}) or a collection.

    A file with an empty list means nobody; no users at all mean the default cast.
    """
    is_file = isinstance(source, (str, Path))
    if isinstance(source, (str, Path)):
        try:
            document = json.loads(Path(source).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{source} is not JSON in UTF-8: {error}") from None
        listed = document.get("users") if isinstance(document, dict) else document
        if not isinstance(listed, list):
            raise ValueError('a user file holds a list of users, or {"users": [...]}')
        source = listed
    if not all(isinstance(record, Mapping) for record in source):
        raise ValueError("every user must be an object with at least a uid")
    records = tuple(dict(record) for record in source)
    return records if records or is_file else DEFAULT_CAST
