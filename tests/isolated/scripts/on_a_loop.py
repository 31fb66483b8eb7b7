"""A client on asyncio that is interrupted, or that nobody closes."""

import asyncio
import sys
from ast import literal_eval

from cometpresence import AsyncPresenceClient, User

where = sys.argv[2]
kept: list[AsyncPresenceClient] = []


async def iterate(client: AsyncPresenceClient) -> None:
    async for _ in client.events():
        pass


async def forget() -> None:
    client = AsyncPresenceClient(**literal_eval(sys.argv[1]))
    await client.__aenter__()
    if where == "kept":
        kept.append(client)

    @client.on_user_online
    async def never(user: User) -> None:
        await asyncio.sleep(60)

    print("waiting", flush=True)
    await client.wait_for_online("superhero2")


async def main() -> None:
    if where in ("forgotten", "kept"):
        return await forget()
    async with AsyncPresenceClient(**literal_eval(sys.argv[1])) as client:
        print("waiting", flush=True)
        await (iterate(client) if where == "events" else client.run_forever())


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
