"""What the Python peers share beside the meter: how a user is made of a frame, by each decoder."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meter import Meter

AUTH = json.dumps({"type": "auth", "body": {"auth": "bench.jwt"}})


@dataclass(slots=True)
class User:
    uid: str
    name: str
    status: str
    role: str | None
    avatar: str | None
    link: str | None
    status_message: str | None
    last_active_at: int | None
    metadata: Any
    tags: list[str] | None


def by_loads(loads: Callable[[Any], Any], heard: Callable[[User], None]) -> Callable[[Any], None]:
    def read(text: Any) -> None:
        frame = loads(text)
        if frame["type"] != "presence":
            return
        body = frame["body"]
        user = body["user"]
        heard(
            User(
                user["uid"],
                user["name"],
                "offline" if body["action"] == "offline" else "online",
                user.get("role"),
                user.get("avatar"),
                user.get("link"),
                user.get("statusMessage"),
                body["timestamp"],
                user.get("metadata"),
                user.get("tags"),
            )
        )

    return read


def by_msgspec(heard: Callable[[Any], None]) -> Callable[[Any], None]:
    """Decodes straight into typed structs: no dict is made on the way."""
    import msgspec

    class Person(msgspec.Struct, gc=False):
        uid: str
        name: str
        status: str = "offline"
        role: str | None = None
        avatar: str | None = None
        link: str | None = None
        statusMessage: str | None = None
        lastActiveAt: int | None = None
        metadata: msgspec.Raw = msgspec.Raw()
        tags: list[str] | None = None

    class Body(msgspec.Struct, gc=False):
        action: str | None = None
        timestamp: int | None = None
        user: Person | None = None

    class Frame(msgspec.Struct, gc=False):
        type: str
        body: Body

    decode = msgspec.json.Decoder(Frame).decode

    def read(text: Any) -> None:
        frame = decode(text)
        if frame.type != "presence":
            return
        body = frame.body
        user = body.user
        user.status = "offline" if body.action == "offline" else "online"
        user.lastActiveAt = body.timestamp
        heard(user)

    return read


def reader_of(meter: Meter, decoder: str) -> Callable[[Any], None]:
    heard = meter.listener()
    if decoder == "msgspec":
        return by_msgspec(heard)
    if decoder == "orjson":
        import orjson

        return by_loads(orjson.loads, heard)
    return by_loads(json.loads, heard)
