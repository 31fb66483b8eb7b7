"""Give each ticket to the least busy agent online, and to another one when the agent drops.

Tickets are lines of standard input.  Who is back within the grace time, in seconds, keeps theirs.

python route_tickets.py teacher 10
"""

import asyncio
import sys
from collections import Counter
from contextlib import suppress

from cometpresence import AsyncPresenceClient, PresenceScope

role, grace = sys.argv[1], float(sys.argv[2])
agents = {}  # by ticket; None: nobody was there


async def lines_of(stream):
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, stream)
    async for line in reader:
        yield line.decode().strip()


async def main():
    async with AsyncPresenceClient.from_env(presence=PresenceScope.roles(role)) as client:

        def assign():
            for ticket in [ticket for ticket, agent in agents.items() if agent is None]:
                load = Counter(agents.values())
                agent = min(client.presence.online, key=lambda uid: (load[uid], uid), default=None)
                agents[ticket] = agent
                print(ticket, "->", client.presence[agent].name if agent else "nobody yet")

        @client.on_user_online
        def come(user):
            assign()

        @client.on_user_offline(after=grace)
        def drop(user):
            for ticket, agent in agents.items():
                if agent == user.uid:
                    agents[ticket] = None
            assign()

        print("routing")
        async for ticket in lines_of(sys.stdin):
            agents[ticket] = None
            assign()


with suppress(KeyboardInterrupt):
    asyncio.run(main())
