"""The listening sockets and everything behind them.  Lives on one event loop."""

import asyncio
import socket
import ssl
import weakref
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from aiohttp import web

from .admin import AdminApi
from .admin_access import AdminAccess
from .answers import Route
from .connection import linger_not
from .gate import Gate, is_upgrade
from .http_protocol import HttpProtocol
from .manage_friends import ManageFriends
from .manage_roles import ManageRoles
from .manage_tokens import ManageTokens
from .manage_users import ManageUsers
from .mischief import Mischief
from .refusal import not_emulated
from .rest import RestApi
from .websocket import WebSocketApi
from .world import World

_ANY_OTHER_PATH = "/{path:(?s:.*)}"  # with whatever characters in it

_BACKLOG = 4096
_ACCEPTED_AT_ONCE = 100  # then others on the loop have their turn
_OUT_OF_DESCRIPTORS = 0.05  # seconds until the next attempt
_GOODBYE = 0.5  # seconds for clients to answer our close frames when we stop


class Server:
    def __init__(self, world: World, mischief: Mischief) -> None:
        self._world = world
        self._rest = RestApi(world)
        self._sockets = WebSocketApi(world)
        self.access: AdminAccess = AdminAccess(world)
        self._admin = AdminApi(world, mischief, self.access)
        self._runner: web.AppRunner | None = None
        self._listener: socket.socket | None = None
        self._admin_door: asyncio.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._handshakes: set[asyncio.Task[None]] = set()
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen; returns the port."""
        self._runner = web.AppRunner(self.application(), shutdown_timeout=2 * _GOODBYE)
        await self._runner.setup()
        await self._world.webhooks.start()
        self._listener = _listen(host, port)
        self._tls = tls
        self._open_door()
        return int(self._listener.getsockname()[1])

    async def open_admin_door(self, port: int) -> int:
        """A second way in, which no fault closes: those of connections act in _accept() and
        _welcome().  On loopback, so it needs no TLS.  Returns the port."""
        loop = asyncio.get_running_loop()
        self._admin_door = await loop.create_server(self._protocol, "127.0.0.1", port)
        return int(self._admin_door.sockets[0].getsockname()[1])

    def _protocol(self) -> HttpProtocol:
        assert self._runner is not None
        assert self._runner.server is not None
        loop = asyncio.get_running_loop()
        return HttpProtocol(self._runner.server, loop=loop, access_log=None)  # type: ignore[arg-type]

    def application(self) -> web.Application:
        """Everything it answers, without the listening.

        The gate is around the handlers.  As aiohttp's middlewares it would be kept in a cache of
        the process, and with it the world of every emulator there ever was.
        """
        app = web.Application()
        gate = Gate(self._world)
        for method, path, handler in self._routes():
            app.router.add_route(method, path, gate.around(handler))
        app.on_shutdown.append(self._admin.end)
        return app

    def _routes(self) -> Iterator[Route]:
        users = ManageUsers(self._world)
        yield from users.routes()
        for api in (ManageFriends, ManageTokens, ManageRoles):
            yield from api(self._world).routes()
        yield from self._rest.routes(users)
        yield from self._admin.routes()
        yield "*", "/", self._root
        yield "*", _ANY_OTHER_PATH, _unknown

    async def stop(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if self._admin_door is not None:
            self._admin_door.close()
            self._admin_door = None
        self._world.faults.clear()  # requests held in a black hole would hold us up, too
        connections = list(self._world.presence.open.values())
        for connection in connections:
            connection.close(1001, "the emulator stops")
        self._world.presence.left(*connections)
        await self._world.webhooks.stop()
        for handshake in self._handshakes:
            handshake.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)
        patience = asyncio.get_running_loop().call_later(_GOODBYE, self._abandon)
        if self._runner is not None:
            await self._runner.cleanup()
        patience.cancel()
        self._abandon()
        await asyncio.sleep(0)  # the descriptors are closed a turn of the loop later

    def _abandon(self) -> None:
        """Let go of what is still closing: TLS, for one, would wait for the peer's last word."""
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                with suppress(AttributeError):  # Python 3.11.2, when TLS has ended already
                    transport.abort()

    def _open_door(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        """Our own accept, because faults must be able to act before TLS and HTTP do."""
        loop = asyncio.get_running_loop()
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # out of descriptors: others will close some
                loop.remove_reader(listener)
                loop.call_later(_OUT_OF_DESCRIPTORS, self._open_door)
                return
            accepted.setblocking(False)
            if self._world.faults.strike("refuse_connections") is not None:
                self._world.journal.write("out", "lifecycle", event="connection_refused")
                linger_not(accepted)
                accepted.close()
                continue
            task = loop.create_task(self._welcome(accepted))
            self._handshakes.add(task)
            task.add_done_callback(partial(self._welcomed, accepted))

    async def _welcome(self, accepted: socket.socket) -> None:
        await self._world.faults.passed("blackhole")
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            self._protocol, accepted, ssl=self._tls
        )
        self._transports.add(transport)

    def _welcomed(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        """When the client went away, does not trust us, or we stop, nobody else owns the socket."""
        self._handshakes.discard(task)
        if task.cancelled() or task.exception() is not None:
            accepted.close()

    async def _root(self, request: web.Request) -> web.StreamResponse:
        """`/` is the socket; `/?/api/...` is the online count of PROTOCOL §4.1's trick."""
        if is_upgrade(request) and request.method == "GET":
            return await self._sockets.serve(request)
        if request.method == "POST" and request.query_string == "/api/v1.0/online-members":
            return await self._rest.count_online(request)
        return await _unknown(request)


async def _unknown(request: web.Request) -> web.StreamResponse:
    raise not_emulated(f"{request.method} {request.path_qs}")


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
