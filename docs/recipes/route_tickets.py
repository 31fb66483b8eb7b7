"""Give each ticket to the least busy agent online, and to another one when the agent drops.

Tickets are lines of standard input.  Who is back within the grace time, in seconds, keeps theirs.

python route_tickets.py teacher 10        (role, grace time)
"""

import asyncio
import sys
from collections import Counter
from contextlib import suppress
from io import BytesIO, FileIO
from threading import Thread

from cometpresence import AsyncPresenceClient, PresenceScope

if len(sys.argv) != 3:
    sys.exit(__doc__)
try:
    role, grace = sys.argv[1], float(sys.argv[2])
except ValueError:
    sys.exit(__doc__)
agents = {}  # by ticket; None: nobody was there


def tickets_of(agent):
    return [ticket for ticket, theirs in agents.items() if theirs == agent]


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


async def main():
    async with AsyncPresenceClient.from_env(presence=PresenceScope.roles(role)) as client:

        def assign(ticket):
            load = Counter(agents.values())
            online = client.presence.online - {client.uid}
            agent = min(online, key=lambda uid: (load[uid], uid), default=None)
            agents[ticket] = agent
            print(ticket, "->", client.presence[agent].name if agent else "nobody yet")

        @client.on_user_online
        def come(user):
            if client.presence.is_online(user.uid) and user.uid != client.uid:  # nor gone again
                for ticket in tickets_of(None):
                    assign(ticket)

        @client.on_user_offline(after=grace)
        def drop(user):
            for ticket in tickets_of(user.uid):
                agents[ticket] = None
                assign(ticket)

        print("routing")
        async for ticket in lines_of_stdin():
            assign(ticket)


with suppress(KeyboardInterrupt):
    asyncio.run(main())
