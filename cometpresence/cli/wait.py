"""``cometpresence wait``: until somebody comes or goes."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import click
from rich.console import Console
from rich.text import Text

from .. import AsyncPresenceClient, ConnectionStatus, RequestTimeout, User
from .credentials import Account, client_options
from .failures import TimedOut
from .output import about, json_option, printable, write_line
from .times import Seconds

__all__ = ["wait"]

CONNECT_TIMEOUT = 10.0


@click.command(short_help="Wait until somebody comes or goes.")
@click.argument("whom", metavar="UID")
@click.option("--online", is_flag=True, help="Wait for them to come; so it is unless given.")
@click.option("--offline", is_flag=True, help="Wait for them to go.")
@click.option(
    "--timeout",
    type=Seconds(),
    metavar="SECONDS",
    help="Give up after so long, logging in included; for ever unless given.",
)
@click.option("--fresh", is_flag=True, help="Wait for them to come, or go, even if it is so now.")
@json_option
@client_options
def wait(
    account: Account,
    whom: str,
    online: bool,
    offline: bool,
    timeout: float | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Wait until UID is online, or with --offline until they are not.

    Returns at once if it is so already, and waits through lost connections.

    \b
    Exit code
        0    it is so
        1    it cannot be known: no such user, login refused, server out of reach
        2    wrong usage, or something to log in with is missing
        124  not within the timeout
        130  Ctrl-C
    """
    if online and offline:
        raise click.UsageError("--online and --offline cannot go together.")
    user, seen = asyncio.run(_in_time(account, whom, not offline, fresh, timeout))
    if as_json:
        write_line(about(user) | _presence(seen))
    else:
        _show(user, seen.is_online)


async def _in_time(
    account: Account, whom: str, online: bool, fresh: bool, timeout: float | None
) -> tuple[User, User]:
    """As _wait(); one timeout for all that it asks, however slow each answer is."""
    client = AsyncPresenceClient(**account.arguments(), connect_timeout=CONNECT_TIMEOUT)
    async with aclosing(client):
        try:
            async with asyncio.timeout(timeout):
                return await _wait(client, whom, online, fresh, timeout is not None)
        except TimeoutError as error:
            if timeout is None:  # then it was one answer that did not come
                raise
            raise TimedOut(_too_late(client, whom, online, timeout)) from error


async def _wait(
    client: AsyncPresenceClient, whom: str, online: bool, fresh: bool, patient: bool
) -> tuple[User, User]:
    """Their profile, and what came of the wait: of who is offline that may be no more than a uid."""
    what = Text.assemble("waiting for ", (printable(whom), "bold"))
    what.append(" to come online" if online else " to go offline")
    with Console(stderr=True).status(what):
        await _answer(client.login, patient)
        # asked first: a typing error would wait for ever
        user = await _answer(lambda: client.get_user(whom), patient)
        wait_for = client.wait_for_online if online else client.wait_for_offline
        return user, await wait_for(user.uid, fresh=fresh)


async def _answer(ask: Callable[[], Awaitable[User]], patient: bool) -> User:
    """Of the first that is answered; asks once, unless patient."""
    while True:
        try:
            return await ask()
        except RequestTimeout:
            if not patient:
                raise


def _presence(seen: User) -> dict[str, object]:
    facts: dict[str, object] = {"status": seen.status.value}
    return facts | ({"last_active_at": seen.last_active_at} if seen.last_active_at else {})


def _too_late(client: AsyncPresenceClient, whom: str, online: bool, timeout: float) -> str:
    said = f"{printable(whom)} did not {'come online' if online else 'go offline'} within {timeout:g} s"
    if client.connection_status is not ConnectionStatus.CONNECTED:
        said += ", as far as can be known without a connection"
    return f"{said}."


def _show(user: User, is_online: bool) -> None:
    mark = Text("● ", "green") if is_online else Text("○ ", "dim")
    name = printable(user.name or user.uid)
    Console(file=sys.stdout).print(
        Text.assemble(mark, name, " is ", "online" if is_online else "offline")
    )
