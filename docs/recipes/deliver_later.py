"""Keep messages for people who are offline, and deliver them when they come.

Messages are lines of standard input: a uid, a space, the text.  It ends when all are delivered.

python deliver_later.py
"""

import asyncio
import sys
from collections import defaultdict
from contextlib import suppress

from cometpresence import AsyncPresenceClient

outbox = defaultdict(list)  # texts by uid


async def deliver(name, text):
    print(f"to {name}: {text}")  # your own code comes here


async def lines_of(stream):
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, stream)
    async for line in reader:
        yield line.decode().strip()


async def main():
    delivered = asyncio.Event()
    async with AsyncPresenceClient.from_env() as client:

        @client.on_user_online
        async def come(user):
            for text in outbox.get(user.uid, ()):
                await deliver(user.name, text)
            outbox.pop(user.uid, None)
            delivered.set()

        print("delivering")
        async for line in lines_of(sys.stdin):
            uid, text = line.split(" ", 1)
            if client.presence.is_online(uid):
                await deliver(client.presence[uid].name, text)
            else:
                outbox[uid].append(text)
                print("kept for", uid)
        while outbox:  # the rest is waited for
            await delivered.wait()
            delivered.clear()


with suppress(KeyboardInterrupt):
    asyncio.run(main())
