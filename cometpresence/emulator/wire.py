"""The JSON the emulator speaks: users, frames, settings (PROTOCOL §3.5, §4 and §9)."""

import json
from typing import Any

from .users import User


def dumps(value: object) -> str:
    """Compact, in UTF-8 where that can be: half a surrogate pair goes out as the escape it was."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, separators=(",", ":"))
    return text


def user_json(
    user: User, *, viewer: User | None = None, with_tags: bool = True, last_active_at: int = 0
) -> dict[str, Any]:
    """A user as REST lists it; `viewer` adds the block flags as that user sees them."""
    last_active_at = last_active_at or user.last_active_at
    optional = {
        "avatar": user.avatar,
        "link": user.link,
        "statusMessage": user.status_message,
        "metadata": user.metadata,
        "tags": user.tags if with_tags else [],
        "lastActiveAt": last_active_at,
        "deactivatedAt": user.deactivated_at,
    }
    shown: dict[str, Any] = {
        "uid": user.uid,
        "name": user.name,
        "status": "available" if user.online else "offline",
        "role": user.role,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
    }
    shown.update((name, value) for name, value in optional.items() if value)
    if viewer is not None and viewer is not user:
        shown["blockedByMe"] = user.uid in viewer.blocked
        shown["hasBlockedMe"] = viewer.uid in user.blocked
        shown["conversationId"] = "_user_".join(sorted((viewer.uid, user.uid)))
    return shown


def presence_frame(app_id: str, user: User, timestamp: int, session: str) -> dict[str, Any]:
    """The frame for the status `user` has just taken.

    `user.last_active_at` is still that of the activity before.  It goes out one second before
    `timestamp` at the latest, so that nobody can mistake the one for the other.
    """
    before = min(user.last_active_at or timestamp - 1, timestamp - 1)
    return {
        "appId": app_id,
        "deviceId": session,
        "type": "presence",
        "sender": user.uid,
        "body": {
            "action": "online" if user.online else "offline",
            "timestamp": timestamp,
            "user": user_json(user, last_active_at=before),
        },
    }


def auth_answer(
    app_id: str, session: object, sender: object, code: str, status: str
) -> dict[str, Any]:
    return {
        "appId": app_id,
        "type": "auth",
        "deviceId": session,
        "sender": sender,
        "body": {"code": code, "status": status},
    }


def settings_json(
    host: str, *, tls: bool, region: str, now: int, chat_on_one_port: bool = False
) -> dict[str, Any]:
    """The settings object, every host of it `host` (a host:port).

    `chat_on_one_port` plays the trick of PROTOCOL §4.1: the official SDK knows no port for its
    online count, unless one hides in CHAT_HOST.
    """
    name, _, port = host.rpartition(":")
    return {
        "CHAT_HOST": f"{host}/?" if chat_on_one_port else name,
        "CHAT_WSS_PORT": port,
        "CHAT_WS_PORT": port,
        "CHAT_USE_SSL": "1" if tls else "0",
        "ADMIN_API_HOST": host,
        "CLIENT_API_HOST": host,
        "CHAT_API_VERSION": "v3.0",
        "WS_API_VERSION": "v1.0",
        "REGION": region,
        "MODE": "DEFAULT",
        "APP_VERSION": 4,
        "ANALYTICS_HOST": host,
        "ANALYTICS_VERSION": "v1",
        "ANALYTICS_PING_DISABLED": False,
        "settingsHash": "hash-1",
        "settingsHashReceivedAt": now,
        "extensions": [],
        "parameters": {},
        "EXTENSION_DOMAIN": "example.invalid",
        "POLLING_ENABLED": False,
    }
