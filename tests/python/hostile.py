"""A server on raw sockets that plays just enough of CometChat, and then sends what no library would.

Each connection has a thread.  REST requests get decent answers unless `answers` has another for
them; each WebSocket upgrade is handed to the next of `scripts`, and to `good_server` after the
last.  What clients sent is kept in `requests` and `sockets`.
"""

import base64
import hashlib
import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

PATIENCE = 10.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

Script = Callable[["Peer"], None]


class Gone(Exception):
    """The client hung up."""


# ---- bytes


def frame(
    payload: bytes | str = b"",
    opcode: int = TEXT,
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bytes | None = None,
    length: int | None = None,
) -> bytes:
    """A frame as a server writes it, unless told to write it wrong."""
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(payload) if length is None else length
    first = (0x80 if final else 0) | reserved << 4 | opcode
    masked = 0 if mask is None else 0x80
    if size < 126:
        header = struct.pack(">BB", first, masked | size)
    elif size < 65536:
        header = struct.pack(">BBH", first, masked | 126, size)
    else:
        header = struct.pack(">BBQ", first, masked | 127, size)
    if mask is not None:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        header += mask
    return header + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(struct.pack(">H", code) + reason, CLOSE)


def presence(uid: str, action: str = "online", at: int = 1_700_000_000, **more: Any) -> str:
    user = {"uid": uid, "name": uid.title()} | more
    body = {"action": action, "timestamp": at, "user": user}
    return json.dumps(
        {"appId": "app", "deviceId": "another", "type": "presence", "sender": uid, "body": body}
    )


def came_online(uid: str) -> bytes:
    """A good frame."""
    return frame(presence(uid))


AUTH_ANSWER = frame('{"type":"auth","body":{"code":"200","status":"OK"}}')
PONG_ANSWER = frame('{"action":"pong"}')


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-enc")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(data: Any, *headers: str, **more: Any) -> bytes:
    return http("200 OK", json.dumps({"data": data} | more).encode(), *headers)


# ---- one connection


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    lines: list[str] = field(default_factory=list)  # the headers as they came

    @property
    def name(self) -> str:
        """Method and path, without version and query."""
        return f"{self.method} {self.target.partition('?')[0].removeprefix('/v3.0')}"


@dataclass
class Heard:
    """What a client said on one WebSocket."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    is_over: bool = False

    @property
    def close_code(self) -> int | None:
        """The client's."""
        return struct.unpack(">H", self.farewells[0][:2])[0] if self.farewells else None

    @property
    def farewells(self) -> list[bytes]:
        """What the client's close frames carried."""
        return [text for opcode, text in self.frames if opcode == CLOSE]


class Peer:
    def __init__(self, server: "Hostile", connection: socket.socket) -> None:
        self.server = server
        self.connection = connection
        self.request = Request("", "", {})
        self.heard = Heard()
        self._buffer = b""

    # -- reading

    def _more(self) -> None:
        try:
            data = self.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise Gone
        self._buffer += data

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def read_request(self) -> Request:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        body = self.read(int(headers.get("content-length", "0")))
        return Request(method, target, headers, body, lines)

    def read_frame(self) -> tuple[int, bytes]:
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", self.read(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self.read(8))
        assert second & 0x80, "a client masks"
        mask = self.read(4)
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.read(size)))
        self.server.note(lambda: self.heard.frames.append((first & 0x0F, payload)))
        return first & 0x0F, payload

    # -- writing

    def send(self, data: bytes) -> None:
        try:
            self.connection.sendall(data)
        except OSError:
            raise Gone from None

    def send_bytewise(self, data: bytes) -> None:
        for byte in data:
            self.send(bytes([byte]))

    def linger(self, seconds: float) -> None:
        """Do nothing for a while, unless the client hangs up; what it says is dropped."""
        if select.select([self.connection], [], [], seconds)[0]:
            self._more()
            self._buffer = b""

    def reset(self) -> None:
        """End the TCP connection as a crash does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise Gone

    # -- the good behaviour

    def handshake(self, accept: str | None = None) -> bytes:
        """The 101, right for this request unless told another key."""
        key = self.request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        right = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {right if accept is None else accept}\r\n\r\n"
        ).encode()

    def welcome(self) -> None:
        """Up to the auth answer."""
        self.send(self.handshake())
        self.read_frame()
        self.send(AUTH_ANSWER)

    def answer_decently(self) -> None:
        """The request, as a good server would."""
        self.send(self.server._decent_answer(self.request))

    def serve(self) -> None:
        """Answer pings and the close, until the client is gone."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                self.send(frame(payload, CLOSE))
                raise Gone
            if opcode == TEXT and b'"ping"' in payload:
                self.send(PONG_ANSWER)

    def listen(self) -> None:
        """Only listen, until the client is gone."""
        while True:
            self.read_frame()


def good_server(peer: Peer) -> None:
    peer.welcome()
    peer.send(came_online("good"))
    peer.serve()


# ---- the server


class Hostile:
    def __init__(
        self,
        *scripts: Script,
        tls: ssl.SSLContext | None = None,
        answers: dict[str, Callable[[Peer], None]] | None = None,
        then: Script = good_server,
    ) -> None:
        self.scripts = list(scripts)
        self.answers = answers or {}
        self.then = then
        self.first_words: Script | None = None  # instead of waiting for a request
        self.tls = tls
        self.requests: list[Request] = []
        self.sockets: list[Heard] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stop, self._stopped = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.close()
        self._threads[0].join(PATIENCE)
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._stopped.close()
        self._listener.close()

    def client_args(self, uid: str = "alice") -> dict[str, Any]:
        return {"app_id": "app", "uid": uid, "auth_key": "key", "endpoint": self.url}

    def note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def wait_until(self, enough: Callable[[], bool], patience: float = PATIENCE) -> None:
        with self._changed:
            assert self._changed.wait_for(enough, patience), (self.requests, self.sockets)

    def is_left(self) -> bool:
        """No connection stands any more."""
        return not self._open

    def names(self) -> list[str]:
        """The requests so far."""
        with self._changed:
            return [request.name for request in self.requests]

    # -- threads

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._stopped], [], [])
            if self._stopped in ready:
                return
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(connection)
            self._start(self._meet, connection)

    def _meet(self, connection: socket.socket) -> None:
        self.note(lambda: setattr(self, "connections", self.connections + 1))
        peer: Peer | None = None
        try:
            if self.tls is not None:
                secured = self.tls.wrap_socket(connection, server_side=True)
                self._open.discard(connection)
                self._open.add(secured)
                connection = secured
            peer = Peer(self, connection)
            self._attend(peer)
        except (Gone, OSError):
            pass
        finally:
            self.note(lambda: self._open.discard(connection))
            connection.close()
            if peer is not None:
                self.note(lambda: setattr(peer.heard, "is_over", True))

    def _attend(self, peer: Peer) -> None:
        if self.first_words is not None:
            self.first_words(peer)
        peer.request = peer.read_request()
        self.note(lambda: self.requests.append(peer.request))
        if peer.request.name in self.answers:
            self.answers[peer.request.name](peer)
        elif "upgrade" in peer.request.headers:
            script = self.scripts.pop(0) if self.scripts else self.then
            self.note(lambda: self.sockets.append(peer.heard))
            script(peer)
        else:
            peer.answer_decently()

    def _decent_answer(self, request: Request) -> bytes:
        me = {"uid": "alice", "name": "Alice", "status": "available", "authToken": "token"}
        if request.method == "POST" and request.target.endswith("/auth_tokens"):
            return answer(me)
        if request.name in ("PUT /me", "GET /me"):
            return answer(me | {"jwt": "jwt", "settings": self.settings()})
        if request.name == "GET /users":
            return answer([], meta={"pagination": {"total_pages": 1, "current_page": 1}})
        if request.name.startswith("GET /users/"):
            return answer({"uid": request.name.rpartition("/")[2], "name": "Somebody"})
        return answer({"success": True})

    def settings(self) -> dict[str, Any]:
        here = f"127.0.0.1:{self.port}"
        return {
            "CHAT_HOST": "127.0.0.1",
            "CHAT_WSS_PORT": self.port,
            "ADMIN_API_HOST": here,
            "CLIENT_API_HOST": here,
            "CHAT_API_VERSION": "v3.0",
            "WS_API_VERSION": "v1.0",
        }
