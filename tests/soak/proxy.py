"""A TCP proxy on this machine that mistreats what passes: slow, narrow, cut, garbled or dead."""

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

CHUNK = 16 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: throw away what is left, and say RST


@dataclass(frozen=True)
class Weather:
    """What happens to each chunk that passes."""

    delay: float = 0.0
    """Seconds each is held back."""
    rate: float = 0.0
    """Bytes per second of each direction of a link; 0: as fast as it goes."""
    refuse: bool = False
    """New connections end at once."""


CALM = Weather()


class ChaosProxy:
    """Carries each connection to `(host, port)`; from any thread, it can be told to do so badly."""

    def __init__(self, host: str, port: int, *, seed: int = 0) -> None:
        self.port = 0
        self.weather = CALM
        self.strikes: Counter[str] = Counter()
        """How often something was done to a link or a chunk, by what it was."""
        self._target = host, port
        self._random = random.Random(seed)
        self._links: set[_Link] = set()
        self._garble = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ---- what can be done to links, from any thread

    def cut(self, *, reset: bool) -> int:
        """Ends every link on both sides, by RST or by FIN; how many."""
        return self._each("reset" if reset else "close", lambda link: link.end(reset=reset))

    def go_dead(self) -> int:
        """Nothing passes the links there are any more, and nobody is told (half-open); how many."""
        return self._each("half-open", _Link.die)

    def garble(self, chunks: int) -> None:
        """In each of the next so many chunks one byte is changed."""
        self._garble = chunks

    def _each(self, what: str, strike: "Callable[[_Link], None]") -> int:
        async def strike_all() -> int:
            links = list(self._links)
            for link in links:
                strike(link)
            self.strikes[what] += len(links)
            return len(links)

        return self._call(strike_all())

    # ---- the proxy's own thread

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _end(self) -> None:
        self._server.close()
        for link in list(self._links):
            link.end(reset=True)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuse:
            self.strikes["refuse"] += 1
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, back)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._carry(link, reader, back),
                self._carry(link, there, writer),
            )
        finally:
            self._links.discard(link)
            link.end(reset=False)

    async def _carry(
        self, link: "_Link", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                weather = self.weather
                seconds = weather.delay + (len(chunk) / weather.rate if weather.rate else 0.0)
                if seconds:
                    self.strikes["delay" if weather.delay else "throttle"] += 1
                    await asyncio.sleep(seconds)
                if link.is_dead:
                    continue
                writer.write(self._perhaps_garbled(chunk))
                await writer.drain()
        if not link.is_dead:  # the end passes too
            with suppress(OSError):
                writer.write_eof()
        else:
            link.end(reset=True)

    def _perhaps_garbled(self, chunk: bytes) -> bytes:
        if self._garble <= 0:
            return chunk
        self._garble -= 1
        self.strikes["garble"] += 1
        place = self._random.randrange(len(chunk))
        return chunk[:place] + bytes([chunk[place] ^ 0x20]) + chunk[place + 1 :]


class _Link:
    """A connection of a client, and the one of ours to the server."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.is_dead = False

    def die(self) -> None:
        self.is_dead = True

    def end(self, *, reset: bool) -> None:
        for writer in self._writers:
            if reset:
                peer: socket.socket = writer.get_extra_info("socket")
                with suppress(OSError):
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                writer.transport.abort()
            else:
                writer.close()
