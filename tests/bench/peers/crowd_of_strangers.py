"""Thousands of WebSockets of one process, with the libraries of others.

    crowd_of_strangers.py PORT --clients N --library picows

They only connect and authenticate: no login, no list of users, no reconnecting.  Says {"ready":
true} and, told to "enter", {"clients", "seconds", "bytes_each"}.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

from resident import resident_bytes
from websocket_frames import AUTH

AT_ONCE = 256  # as many as cometpresence lets connect at a time


async def by_picows(url: str) -> object:
    import picows

    is_in = asyncio.get_running_loop().create_future()

    class Listener(picows.WSListener):
        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            transport.send(picows.WSMsgType.TEXT, AUTH.encode())

        def on_ws_frame(self, _transport: picows.WSTransport, _frame: picows.WSFrame) -> None:
            if not is_in.done():
                is_in.set_result(None)

    socket = await picows.ws_connect(Listener, url)
    await is_in
    return socket


async def by_websockets(url: str) -> object:
    from websockets.asyncio.client import connect

    socket = await connect(url, compression=None, ping_interval=None, open_timeout=120)
    await socket.send(AUTH)
    await socket.recv()
    return socket


async def by_aiohttp(url: str) -> object:
    import aiohttp

    session = aiohttp.ClientSession()
    socket = await session.ws_connect(url)
    await socket.send_str(AUTH)
    await socket.receive()
    return session, socket


LIBRARIES: dict[str, Callable[[str], Awaitable[object]]] = {
    "picows": by_picows,
    "websockets": by_websockets,
    "aiohttp": by_aiohttp,
}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--library", choices=LIBRARIES, required=True)
    options = parser.parse_args()
    door = asyncio.Semaphore(AT_ONCE)

    async def come() -> object:
        async with door:
            return await LIBRARIES[options.library](f"ws://127.0.0.1:{options.port}/")

    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    before, begin = resident_bytes(), time.monotonic()
    sockets = await asyncio.gather(*(come() for _ in range(options.clients)))
    seconds = time.monotonic() - begin
    each = (resident_bytes() - before) / len(sockets)
    print(json.dumps({"clients": len(sockets), "seconds": seconds, "bytes_each": each}), flush=True)
    os._exit(0)


asyncio.run(main())
