"""The conversation on one WebSocket: authentication, pings, silence, goodbye (PROTOCOL §4)."""

import asyncio
import json
from typing import Any, cast, get_args

from aiohttp import WSMessage, WSMsgType, web

from .connection import Connection, Scope
from .coverage import Kind
from .frames import pong_frame
from .wire import auth_answer
from .world import World

MAX_MESSAGE = 256 * 1024


class WebSocketApi:
    def __init__(self, world: World) -> None:
        self._world = world

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if (slow := self._world.faults.strike("slow_upgrade")) is not None:
            await asyncio.sleep(slow.settings["seconds"])
        # Every byte that leaves is ours (frames.py), so aiohttp answers nothing by itself.
        ws = web.WebSocketResponse(
            autoping=False, autoclose=False, compress=False, max_msg_size=MAX_MESSAGE, timeout=1.0
        )
        presence, journal = self._world.presence, self._world.journal
        if request.transport is None or request.transport.is_closing():
            journal.write("in", "lifecycle", event="left_during_upgrade", path=request.path_qs)
            return web.Response(status=400)  # nobody reads it
        await ws.prepare(request)
        transport = request.transport
        connection = Connection(presence.next_number(), transport, journal)
        presence.open[connection.number] = connection
        journal.write(
            "in",
            "lifecycle",
            event="socket_opened",
            socket=connection.number,
            path=request.path_qs,
            headers=dict(request.headers),
        )
        code = 1006
        try:
            code = await self._converse(ws, connection)
        finally:
            presence.left(connection)
            journal.write(
                "in",
                "lifecycle",
                event="socket_closed",
                socket=connection.number,
                uid=connection.user.uid if connection.user else None,
                by=connection.closed_by or "client",
                code=connection.close_code or code,
            )
            transport.close()
        return ws

    async def _converse(self, ws: web.WebSocketResponse, connection: Connection) -> int:
        """Until it ends; returns the close code, as the protocol numbers the ways to end."""
        loop = asyncio.get_running_loop()
        auth_deadline = loop.time() + self._world.auth_timeout
        while True:
            patience = self._world.silence_timeout
            if connection.user is None:
                patience = max(0.05, auth_deadline - loop.time())
            try:
                message = await ws.receive(timeout=patience)
            except TimeoutError:
                self._lost_patience(connection)
                continue
            if message.type is WSMsgType.ERROR:  # not WebSocket, or not UTF-8, or too large
                return ws.close_code or 1006
            if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING):
                return 1006
            if self._world.faults.find("blackhole") is not None:
                continue  # read and forgotten: not a byte goes back
            if message.type is WSMsgType.CLOSE:
                self._say_goodbye(connection, message)
                return message.data or 1005
            if connection.closed_by is None:
                self._received(connection, message)

    def _lost_patience(self, connection: Connection) -> None:
        if self._world.faults.find("blackhole") is not None:
            return  # even our farewell would be lost
        if connection.user is None:
            connection.close(1008, "not authenticated in time")
        else:
            connection.close(1001, "silent for too long")
        self._world.presence.left(connection)

    def _say_goodbye(self, connection: Connection, message: WSMessage) -> None:
        """The peer's close frame: the answer to ours, or the first, which we answer in kind."""
        if connection.closed_by is None:
            code = message.data or 1005
            self._world.journal.write(
                "in",
                "ws",
                sockets=[connection.number],
                type="close",
                code=message.data,
                reason=message.extra,
            )
            connection.close(code)
            connection.closed_by = "client"

    def _received(self, connection: Connection, message: WSMessage) -> None:
        if message.type is WSMsgType.PING:
            connection.write(pong_frame(message.data))
            return
        if message.type is not WSMsgType.TEXT:
            return
        frame = _parse(message.data)
        kind = frame.get("type") or frame.get("action") if frame is not None else "malformed"
        journal = self._world.journal
        journal.write(
            "in",
            "ws",
            sockets=[connection.number],
            type=kind,
            frame=journal.excerpt(message.data) if frame is None else frame,
        )
        if frame is None or self._world.notices.of_frame(kind):
            return
        if connection.user is None:
            if frame.get("type") == "auth":
                self._authenticate(connection, frame)
        elif frame.get("action") == "ping":
            connection.send({"action": "pong"})

    def _authenticate(self, connection: Connection, frame: dict[str, Any]) -> None:
        """Our choice for a bad jwt, app id or sender: code "401", then close with 1008."""
        raw = frame.get("body")
        body: dict[str, Any] = raw if isinstance(raw, dict) else {}
        app_id, session, sender = self._world.app_id, frame.get("deviceId"), frame.get("sender")
        uid = self._world.credentials.uid_of_jwt(body.get("auth"))
        user = self._world.users.find(uid) if uid else None
        refused = (
            user is None
            or frame.get("appId") != app_id
            or str(sender).lower() != user.uid
            or self._world.faults.strike("refuse_jwt") is not None
        )
        if user is None or refused:
            connection.send(auth_answer(app_id, session, sender, "401", "Unauthorized"))
            connection.close(1008, "unauthorized")
            self._world.presence.left(connection)
            return
        scope, roles = self._subscription(body)
        connection.details = _details(body.get("params"), self._world.clock.seconds())
        connection.admit(user, str(session or ""), scope, roles)
        connection.send(auth_answer(app_id, session, sender, "200", "OK"))
        self._world.presence.joined(connection, user)

    def _subscription(self, body: dict[str, Any]) -> tuple[Scope, frozenset[str]]:
        """Absent and "NONE" are alike; so, our choice, is a word we do not know."""
        scope, roles = body.get("presenceSubscription"), body.get("roles")
        if scope is not None and scope not in get_args(Scope):
            self._world.notices.note(Kind.SUBSCRIPTION, str(scope), "auth frame")
            scope = None
        listed = roles if isinstance(roles, list) else []
        return cast(Scope, scope or "NONE"), frozenset(str(role).lower() for role in listed)


def _details(params: object, now: int) -> dict[str, Any]:
    told = params if isinstance(params, dict) else {}
    kept = {name: told[name] for name in ("platform", "userAgent", "appInfo") if name in told}
    return kept | {"connectedAt": now * 1000}


def _parse(text: str) -> dict[str, Any] | None:
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None
