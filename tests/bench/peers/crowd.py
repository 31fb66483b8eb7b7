"""Thousands of connections of one process, all at once: cometpresence on one event loop.

    crowd.py PORT --clients N

Says {"ready": true}; for each line it is told, does what that names, and says what it took:

    enter    all log in, connect and synchronise: {"clients", "seconds", "bytes_each"}
    await    until every one of them lost its socket and is synchronised anew: {"back", "seconds"}
"""

import argparse
import asyncio
import json
import os
import sys
import time

from resident import resident_bytes

from cometpresence import AsyncPresenceClient, Resync


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


class Crowd:
    def __init__(self, port: int, count: int) -> None:
        self._clients = [
            AsyncPresenceClient(
                "app1",
                region="us",
                auth_token="bench_token",
                endpoint=f"http://127.0.0.1:{port}",
                connect_timeout=120.0,  # they all come at once, to a server on the same two cores
                resync=Resync(audit_after=None),
            )
            for _ in range(count)
        ]
        self._syncs = 0
        self._all_synced = asyncio.Event()
        for client in self._clients:
            client.on_synced(self._synced)

    def _synced(self, _report: object) -> None:
        self._syncs += 1
        if self._syncs == len(self._clients):
            self._all_synced.set()

    def expect(self) -> None:
        """From now on everybody's next synchronisation is waited for."""
        self._syncs = 0
        self._all_synced.clear()

    async def enter(self) -> None:
        async def come(client: AsyncPresenceClient) -> None:
            await client.login()
            await client.connect()

        await asyncio.gather(*(come(client) for client in self._clients))
        await self._all_synced.wait()

    async def back(self) -> None:
        await self._all_synced.wait()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, required=True)
    options = parser.parse_args()
    loop = asyncio.get_running_loop()
    before = resident_bytes()
    crowd = Crowd(options.port, options.clients)
    say(ready=True)
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        begin = time.monotonic()
        if line == "enter":
            await crowd.enter()
            seconds = time.monotonic() - begin
            crowd.expect()
            each = (resident_bytes() - before) / options.clients
            say(clients=options.clients, seconds=seconds, bytes_each=each)
        elif line == "await":
            await crowd.back()
            seconds = time.monotonic() - begin
            crowd.expect()
            say(back=options.clients, seconds=seconds)
    os._exit(0)


asyncio.run(main())
