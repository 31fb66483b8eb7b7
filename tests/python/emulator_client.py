"""A client for testing the emulator: aiohttp, made blocking, knowing nothing of cometpresence."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from cometpresence.emulator import Emulator

PATIENCE = 10.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: Any

    @property
    def data(self) -> Any:
        assert "data" in self.body, self.body
        return self.body["data"]

    @property
    def code(self) -> str:
        """The vendor's error code."""
        assert "data" not in self.body, self.body
        code = self.body["error"]["code"]
        assert isinstance(code, str)
        return code

    @property
    def uids(self) -> list[str]:
        return [user["uid"] for user in self.data]


class Socket:
    def __init__(self, client: "Client", ws: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._client = client
        self.ws = ws
        self.session = session
        connection = ws._response.connection  # aiohttp has no public way to the transport
        assert connection is not None
        assert isinstance(connection.transport, asyncio.Transport)
        self.transport = connection.transport

    def send(self, frame: object) -> None:
        self._client.run(self.ws.send_json(frame))

    def send_text(self, text: str) -> None:
        self._client.run(self.ws.send_str(text))

    def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:
        return self._client.run(self.ws.receive(timeout))

    def next(self) -> Any:
        """The next frame, which must be JSON text."""
        message = self.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return message.json()

    def until_pong(self) -> list[Any]:
        """Ping, and return what came before the pong: all that was sent until now."""
        self.send({"action": "ping", "ack": "true"})
        frames = []
        while (frame := self.next()).get("action") != "pong":
            frames.append(frame)
        return frames

    def moves(self) -> list[tuple[str, str]]:
        """(uid, action) of every presence frame sent until now."""
        return [(frame["sender"], frame["body"]["action"]) for frame in self.until_pong()]

    def close_code(self) -> int | None:
        """Read to the end; the close code that came, None if the connection just ended."""
        while (message := self.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        return message.data if message.type is aiohttp.WSMsgType.CLOSE else None

    def close(self) -> None:
        self._client.run(self.ws.close())


class Client:
    """One user of the emulator, logged in unless told otherwise."""

    def __init__(self, emulator: Emulator, uid: str = "superhero1", *, login: bool = True) -> None:
        self.emulator = emulator
        self.uid = uid
        self.headers = {"appId": emulator.app_id}
        self.jwt = ""
        self._runner = asyncio.Runner()
        tls = ssl.create_default_context(cafile=emulator.ca_file) if emulator.ca_file else True
        self._tls = tls
        self._session = self.run(self._open())
        self._sockets: list[Socket] = []
        if login:
            self.login()

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._tls))

    def run(self, step: Any) -> Any:
        return self._runner.run(asyncio.wait_for(step, PATIENCE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        for socket in self._sockets:
            socket.transport.abort()  # a peer in a black hole would never answer a goodbye
            await socket.ws.close()
        await self._session.close()  # waits for the descriptors

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        base: str | None = None,
        **kw: Any,
    ) -> Answer:
        """`headers` are sent besides our own; an empty value takes one of ours out."""
        sent = {k: v for k, v in {**self.headers, **(headers or {})}.items() if v}

        async def exchange() -> Answer:
            url = (base or self.emulator.url) + path
            async with self._session.request(method, url, headers=sent, **kw) as response:
                body = await response.json() if response.status != 204 else None
                return Answer(response.status, response.headers, body)

        answer = self.run(exchange())
        assert isinstance(answer, Answer)
        return answer

    def users(self, **options: object) -> Answer:
        return self.call("GET", "/users", params={k: str(v) for k, v in options.items()})

    def admin(self, method: str, path: str, **kw: Any) -> Answer:
        token = {"Authorization": f"Bearer {self.emulator.admin_token}"}
        return self.call(method, "/_emulator" + path, headers=token, **kw)

    def login(self) -> dict[str, Any]:
        key = {"apiKey": self.emulator.auth_key}
        step1 = self.call("POST", f"/users/{self.uid}/auth_tokens", headers=key, json={})
        self.headers["authToken"] = step1.data["authToken"]
        me = self.call("PUT", "/me", json={"platform": "WEB", "deviceId": "d"}).data
        self.jwt = me["jwt"]
        assert isinstance(me, dict)
        return me

    def dial(self, path: str = "/") -> Socket:
        """A WebSocket that has not said anything yet."""
        ws = self.run(self._session.ws_connect(self.emulator.url + path, autoping=False))
        socket = Socket(self, ws, f"WEB-test-{self.uid}-{len(self._sockets) + 1}")
        self._sockets.append(socket)
        return socket

    def auth_frame(self, socket: Socket, **body: object) -> dict[str, Any]:
        return {
            "appId": self.emulator.app_id,
            "deviceId": socket.session,
            "type": "auth",
            "sender": self.uid,
            "body": {"auth": self.jwt, "deviceId": socket.session, **body},
        }

    def connect(self, scope: str | None = "ALL_USERS", **body: object) -> Socket:
        """An authenticated WebSocket, its greeting and its user's own coming online read."""
        socket = self.dial()
        if scope is not None:
            body["presenceSubscription"] = scope
        socket.send(self.auth_frame(socket, **body))
        answer = socket.next()
        assert answer["body"] == {"code": "200", "status": "OK"}, answer
        socket.until_pong()
        return socket


@contextlib.contextmanager
def clients(emulator: Emulator, *uids: str) -> Iterator[list[Client]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(emulator, uid)) for uid in uids]
