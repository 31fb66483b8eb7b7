"""Keep messages for people who are offline, and deliver them when they come.

Messages are lines of standard input: a uid, a space, the text.  What is not delivered yet is kept
in a file, also from one run to the next; it ends when all are delivered.

python deliver_later.py outbox.db
"""

import asyncio
import shelve
import sys
from contextlib import suppress
from io import BytesIO, FileIO
from threading import Thread

from cometpresence import AsyncPresenceClient, CometChatException, Origin

if len(sys.argv) != 2:
    sys.exit(__doc__)


async def deliver(name, text):
    print(f"to {name}: {text}")  # your own code comes here


async def lines_of_stdin():
    """Be it a terminal, a pipe, a file or closed.  Nobody waits for such a thread at Ctrl-C."""
    stdin = FileIO(0, closefd=False) if sys.stdin else BytesIO()
    lines = asyncio.Queue()
    loop, line = asyncio.get_running_loop(), None

    def read():
        loop.call_soon_threadsafe(lines.put_nowait, stdin.readline())

    while line != b"":
        Thread(target=read, daemon=True).start()
        line = await lines.get()
        if text := line.decode().strip():
            yield text


async def main(outbox):  # lists of texts by uid
    delivered = asyncio.Event()
    async with AsyncPresenceClient.from_env() as client:
        print("delivering")

        @client.on_user_online(origins=set(Origin))  # begins with who is online
        async def come(user):
            while texts := outbox.get(user.uid):
                await deliver(user.name, texts[0])  # killed here, it is delivered once more
                outbox[user.uid] = outbox[user.uid][1:]  # read again: more may have come
                outbox.sync()
            outbox.pop(user.uid, None)
            delivered.set()

        async for line in lines_of_stdin():
            uid, _, text = line.partition(" ")
            try:
                user = await client.get_user(uid)
            except CometChatException as error:
                print(f"{uid}: {error.message}")
                continue
            if client.presence.is_online(user.uid) and user.uid not in outbox:
                await deliver(user.name, text)
            else:
                outbox[user.uid] = [*outbox.get(user.uid, []), text]
                outbox.sync()
                print("kept for", user.uid)
        while outbox:  # the rest is waited for
            delivered.clear()
            await delivered.wait()


with suppress(KeyboardInterrupt), shelve.open(sys.argv[1]) as kept:
    asyncio.run(main(kept))
