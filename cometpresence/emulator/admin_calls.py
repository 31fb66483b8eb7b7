"""The admin calls, described: what each does, and what its body and its query may have."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .faults import SHOTS, STANDING
from .state import THINGS

_TEXT: Mapping[str, Any] = {"type": "string"}
_WHOLE: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_FLAG: Mapping[str, Any] = {"type": "boolean"}
_TEXTS: Mapping[str, Any] = {"type": "array", "items": _TEXT}
_OBJECT: Mapping[str, Any] = {"type": "object"}
_ANY: Mapping[str, Any] = {}

MOST_SECONDS = 366 * 24 * 3600  # of one call; the emulator does nothing else meanwhile

_PROFILE: Mapping[str, Mapping[str, Any]] = {
    "name": _TEXT,
    "role": _TEXT,
    "avatar": _TEXT,
    "link": _TEXT,
    "statusMessage": _TEXT,
    "metadata": _OBJECT,
    "tags": _TEXTS,
    "friends": _TEXTS,
}
_STATUS: Mapping[str, Any] = {"type": "string", "enum": ["online", "offline"]}


class AdminCall(NamedTuple):
    """One of them.  `members`, of the body, and `parameters`, of the query or of the path, have
    JSON schemas; of the members the `needed` must be there."""

    method: str
    path: str
    about: str
    members: Mapping[str, Mapping[str, Any]] = {}
    needed: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = {}
    for_anybody: bool = False


CALLS: tuple[AdminCall, ...] = (
    AdminCall("GET", "/openapi.json", "this description", for_anybody=True),
    AdminCall(
        "GET",
        "/login",
        "log a browser in by a link, once",
        parameters={"code": _TEXT},
        for_anybody=True,
    ),
    AdminCall(
        "POST",
        "/login",
        "log a browser in by the admin token",
        members={"token": _TEXT},
        needed=("token",),
        for_anybody=True,
    ),
    AdminCall("POST", "/links", "a new link to the control page"),
    AdminCall("GET", "/events", "all that happens, as server-sent events, until you leave"),
    AdminCall("GET", "/users", "all users"),
    AdminCall(
        "POST",
        "/users",
        "add a user, as a user file has them",
        members={"uid": _TEXT, **_PROFILE, "online": _FLAG},
        needed=("uid",),
    ),
    AdminCall("GET", "/users/{uid}", "one user"),
    AdminCall("PUT", "/users/{uid}", "change a user", members=_PROFILE),
    AdminCall("DELETE", "/users/{uid}", "delete a user, with tokens and sockets"),
    AdminCall(
        "POST",
        "/users/{uid}/status",
        "put a user online or offline; at is the timestamp of the event",
        members={"status": _STATUS, "at": _WHOLE},
        needed=("status",),
    ),
    AdminCall(
        "GET",
        "/state",
        "users and roles, as one document; with auth_tokens those, too",
        parameters={"auth_tokens": _FLAG},
    ),
    AdminCall(
        "PUT",
        "/state",
        "have the state of such a document, or of that answer, of 64 MiB at most, instead; nothing"
        " changes if anything in it is wrong",
        members={
            "data": _OBJECT,
            **dict.fromkeys(("format", "app_id", "region"), _TEXT),
            "version": _WHOLE,
            **{name: {"type": "array", "items": _OBJECT} for name in THINGS},
        },
    ),
    AdminCall("POST", "/reset", "everything as it was when the emulator was made"),
    AdminCall("GET", "/clock", "whether it is real or manual, and the Unix time it shows"),
    AdminCall(
        "POST",
        "/clock",
        "move a manual clock on by so many seconds; what is due meanwhile happens, each at its time",
        members={"advance": {"type": "number", "minimum": 0, "maximum": MOST_SECONDS}},
        needed=("advance",),
    ),
    AdminCall("GET", "/journal", "everything received and sent, without secrets"),
    AdminCall("GET", "/faults", "the faults there are, and what each asks for"),
    AdminCall(
        "POST",
        "/faults/{name}",
        "begin a fault, or end it with stop",
        parameters={"name": {"type": "string", "enum": [*STANDING, *SHOTS]}},
        members={
            "count": {"type": "integer", "minimum": 1},
            "stop": _FLAG,
            **{key: _ANY for each in (STANDING, SHOTS) for of in each.values() for key in of},
        },
    ),
)
