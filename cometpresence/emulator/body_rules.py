"""What the documentation demands of the bodies of the management API, checked all at once."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .refusal import bad_request
from .roles import is_role_name

Rule = Callable[[Any], str | None]  # what is wrong with a value, None if nothing is

MAX_NAME = 100
MAX_URL = 3000
MAX_TAGS = 25
MAX_DESCRIPTION = 255
MAX_METADATA = 5 * 1024  # bytes of JSON
MAX_LISTED = 25  # uids in one request

_NOTHING: tuple[object, ...] = (None, "", [])  # what is no value of a member that must have one


def check(body: Mapping[str, Any], rules: Mapping[str, Rule], *required: str) -> dict[str, Any]:
    """The members of `body` that have a rule; ERR_BAD_REQUEST with details if one is broken.

    A null is a member that is absent.
    """
    body = {name: value for name, value in body.items() if value is not None}
    wrong = {name: [f"{name} is required"] for name in required if body.get(name) in _NOTHING}
    for name, rule in rules.items():
        if name in body and name not in wrong and (fault := rule(body[name])) is not None:
            wrong[name] = [f"{name} {fault}"]
    if wrong:
        faults = ", ".join(fault for listed in wrong.values() for fault in listed)
        raise bad_request(faults, wrong)
    return {name: body[name] for name in rules if name in body}


def text(most: int) -> Rule:
    def rule(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        return f"has more than {most} characters" if len(value) > most else None

    return rule


def name(value: Any) -> str | None:
    return "must not be empty" if value == "" else text(MAX_NAME)(value)


def url(value: Any) -> str | None:
    if (fault := text(MAX_URL)(value)) is not None or value == "":
        return fault
    try:
        return None if urlsplit(value).scheme else "must be a URL"
    except ValueError:
        return "must be a URL"


def flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def members(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return "must be such as JSON can say"
    return None


def metadata(value: Any) -> str | None:
    if (fault := members(value)) is not None:
        return fault
    size = len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
    return f"has more than {MAX_METADATA} bytes" if size > MAX_METADATA else None


def role_name(value: Any) -> str | None:
    if (fault := text(MAX_NAME)(value)) is not None or is_role_name(value):
        return fault
    return "has other characters than a-z 0-9 - _"


def texts(most: int, longest: int = MAX_NAME) -> Rule:
    def rule(value: Any) -> str | None:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return "must be a list of text"
        if len(value) > most:
            return f"has more than {most} items"
        too_long = any(len(item) > longest for item in value)
        return f"has an item longer than {longest}" if too_long else None

    return rule


def some_of(*names: str) -> Rule:
    def rule(value: Any) -> str | None:
        fine = isinstance(value, list) and all(item in names for item in value)
        return None if fine else f"must be a list of some of {', '.join(names)}"

    return rule


def settings(value: Any) -> str | None:
    """Of a role.  An empty list is what the documented example has for no settings."""
    if value == []:
        return None
    if not isinstance(value, dict):
        return "must be an object"
    fine = all(
        name in ("listUsers", "sendMessagesTo") and choice in ("all", "friendsOnly")
        for name, choice in value.items()
    )
    return None if fine else "has listUsers and sendMessagesTo, each all or friendsOnly"


PROFILE: Mapping[str, Rule] = {
    "name": name,
    "avatar": url,
    "link": url,
    "role": text(MAX_NAME),
    "statusMessage": text(MAX_URL),
    "metadata": metadata,
    "tags": texts(MAX_TAGS),
}
NEW_USER: Mapping[str, Rule] = {"uid": text(MAX_NAME), **PROFILE, "withAuthToken": flag}
CHANGED_USER: Mapping[str, Rule] = {**PROFILE, "unset": some_of("avatar", "link", "metadata")}
DELETED_USER: Mapping[str, Rule] = {"permanent": flag}
ROLE: Mapping[str, Rule] = {
    "name": name,
    "description": text(MAX_DESCRIPTION),
    "metadata": metadata,
    "settings": settings,
}
NEW_ROLE: Mapping[str, Rule] = {"role": role_name, **ROLE}
CHANGED_ROLE: Mapping[str, Rule] = {**ROLE, "unset": some_of("settings", "description", "metadata")}
NEW_TOKEN: Mapping[str, Rule] = {"force": flag}
CHANGED_TOKEN: Mapping[str, Rule] = {
    "platform": text(MAX_NAME),
    "userAgent": text(MAX_URL),
    "appInfo": metadata,
}


def uids(name: str) -> Mapping[str, Rule]:
    return {name: texts(MAX_LISTED)}


def listed_uids(body: Mapping[str, Any], name: str) -> list[str]:
    """At least one; in lower case, and nobody twice."""
    return list(dict.fromkeys(map(str.lower, check(body, uids(name), name)[name])))


# By endpoint; what else a body has is noted in the journal and otherwise ignored.
OF_ENDPOINT: Mapping[str, Mapping[str, Rule]] = {
    "POST /users": NEW_USER,
    "PUT /users": uids("uidsToActivate"),
    "DELETE /users": uids("uidsToDeactivate"),
    "PUT /users/{uid}": CHANGED_USER,
    "DELETE /users/{uid}": DELETED_USER,
    "POST /users/{uid}/friends": uids("accepted"),
    "DELETE /users/{uid}/friends": uids("friends"),
    "POST /users/{uid}/auth_tokens": NEW_TOKEN,
    "PUT /users/{uid}/auth_tokens/{authToken}": CHANGED_TOKEN,
    "POST /roles": NEW_ROLE,
    "PUT /roles/{role}": CHANGED_ROLE,
}
