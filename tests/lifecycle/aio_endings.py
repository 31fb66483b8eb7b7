"""The same endings, with a client on asyncio."""

import asyncio
import os
import sys
from typing import Any

from endings import held, kept, main, multiprocess, refuse, say

from cometpresence import AsyncPresenceClient, ClientClosed, Origin

Arguments = dict[str, Any]


async def connected(arguments: Arguments) -> AsyncPresenceClient:
    client = AsyncPresenceClient(**arguments)
    kept.append(client)
    await client.login()
    await client.wait_synced(timeout=20)
    return client


async def exit_without_close(arguments: Arguments) -> None:
    (await connected(arguments)).on_user_offline(print)
    say("ready")


async def exit_in_listener(arguments: Arguments) -> None:
    told = asyncio.Event()

    async def leave(user: object) -> None:
        sys.exit(3)

    def note(error: BaseException, where: object) -> None:
        say("told", type(error).__name__)
        told.set()

    client = await connected(arguments)
    client.on_error(note)
    client.on_user_online(leave, uids={"superhero2"}, origins=set(Origin))
    await asyncio.wait_for(told.wait(), 20)
    say("goes on with", (await client.get_user("superhero2")).uid)
    say("ready")


async def run_forever(arguments: Arguments) -> None:
    client = await connected(arguments)
    say("ready")
    await client.run_forever()


async def wait(arguments: Arguments) -> None:
    client = await connected(arguments)
    say("ready")
    await client.wait_for(lambda event: False)


async def use_own(arguments: Arguments) -> None:
    async with AsyncPresenceClient(**(arguments | {"uid": "superhero5"})) as own:
        assert (await own.get_user("superhero2")).uid == "superhero2"


async def child(old: AsyncPresenceClient, arguments: Arguments) -> int:
    """Never back into the loop, which is the parent's."""
    refuse(old.stats, lambda: old.on_user_online(print))
    try:
        await old.login()
    except ClientClosed:
        asyncio.run(use_own(arguments))
        return 0
    return 1


async def fork(arguments: Arguments) -> None:
    client = await connected(arguments)
    if (pid := os.fork()) == 0:
        try:
            os._exit(await child(client, arguments))
        finally:
            os._exit(2)
    ended = await asyncio.to_thread(os.waitpid, pid, 0)
    say("child ended with", os.waitstatus_to_exitcode(ended[1]))
    say("generation", client.presence.generation)
    say("ready")


async def multiprocessing_fork(arguments: Arguments) -> None:
    client = await connected(arguments)
    multiprocess("fork", arguments)
    say("generation", client.presence.generation)
    say("ready")


async def multiprocessing_spawn(arguments: Arguments) -> None:
    client = await connected(arguments)
    multiprocess("spawn", arguments)
    say("generation", client.presence.generation)
    say("ready")


async def lives(arguments: Arguments) -> None:
    rounds = arguments.pop("rounds")
    for number in range(rounds):
        if number == rounds // 2:
            say(held())
        for _ in range(5):
            await AsyncPresenceClient(**arguments).aclose()
            AsyncPresenceClient(**arguments)
        client = await connected(arguments)
        client.on_user_online(lambda user, client=client: client.stats())
        await client.aclose()
        kept.clear()
    say(held())


if __name__ == "__main__":
    asyncio.run(main(globals()))  # type: ignore[arg-type]
