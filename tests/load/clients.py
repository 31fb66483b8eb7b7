"""Light WebSocket clients for run.py: they log in, and note when news comes.

    python clients.py '{"endpoint": …, "token": …}' QUICK [SLOW]

Says how many are in; then, for each line on its input, "ready", and the time at which the last of
them got the next news.  Slow ones read nothing once they are in.
"""

import asyncio
import json
import os
import resource
import socket
import ssl
import struct
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

AT_ONCE = 100  # connecting


class Crowd:
    """What the clients have in common."""

    def __init__(self, facts: dict[str, Any], tls: ssl.SSLContext | None) -> None:
        self.frame = auth_frame(facts, tls)
        self.to_tell = 0
        self.all_told = asyncio.Event()
        self.last_at = 0.0

    def told(self) -> None:
        self.to_tell -= 1
        if self.to_tell == 0:
            self.last_at = time.monotonic()
            self.all_told.set()


class Light(asyncio.Protocol):
    """Upgrades, authenticates, and looks for nothing but the word presence."""

    def __init__(self, crowd: Crowd) -> None:
        self.is_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._crowd = crowd
        self._waits = False  # for news

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        if self._waits:
            if b'"presence"' in data:
                self._waits = False
                self._crowd.told()
        elif data.startswith(b"HTTP/1.1 101"):
            self.transport.write(self._crowd.frame)
        elif not self.is_in.done() and b'"200"' in data:
            self.is_in.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_in.done():
            self.is_in.set_exception(error or ConnectionResetError())

    def wait_for_news(self) -> None:
        self._waits = True
        self._crowd.to_tell += 1


def auth_frame(facts: dict[str, Any], tls: ssl.SSLContext | None) -> bytes:
    """The frame that lets everybody in: all are devices of one user."""
    headers = {"appId": facts["app_id"], "authToken": facts["token"]}
    request = urllib.request.Request(facts["endpoint"] + "/me", headers=headers)
    with urllib.request.urlopen(request, context=tls) as answer:
        jwt = json.load(answer)["data"]["jwt"]
    frame = {
        "appId": facts["app_id"],
        "deviceId": "LOAD",
        "type": "auth",
        "sender": facts["uid"],
        "body": {"auth": jwt, "presenceSubscription": "ALL_USERS"},
    }
    text = json.dumps(frame).encode()
    assert 126 <= len(text) < 65_536
    return struct.pack(">BBH4x", 0x81, 0x80 | 126, len(text)) + text  # masked with zeros


async def connect(crowd: Crowd, facts: dict[str, Any], tls: ssl.SSLContext | None) -> Light:
    parts = urlsplit(facts["endpoint"])
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        lambda: Light(crowd), parts.hostname, parts.port, ssl=tls
    )
    await client.is_in
    return client


async def live(facts: dict[str, Any], quick: int, slow: int) -> None:
    tls = ssl.create_default_context(cafile=facts["ca_file"]) if facts["ca_file"] else None
    crowd = Crowd(facts, tls)
    clients: list[Light] = []
    while len(clients) < quick + slow:
        some = min(AT_ONCE, quick + slow - len(clients))
        clients += await asyncio.gather(*(connect(crowd, facts, tls) for _ in range(some)))
    for client in clients[quick:]:
        sock = client.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.transport.pause_reading()
    say(len(clients))
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        crowd.all_told.clear()
        for client in clients[:quick]:
            client.wait_for_news()
        say("ready")
        await crowd.all_told.wait()
        say(crowd.last_at)
    os._exit(0)


def say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    told, *counts = sys.argv[1:]
    asyncio.run(live(json.loads(told), *map(int, [*counts, 0][:2])))
