"""``cometpresence wait``: until somebody comes or goes."""

import sys
import time
from contextlib import closing

import click
from rich.console import Console
from rich.text import Text

from .. import ConnectionStatus, PresenceClient, RequestTimeout, User
from .credentials import Account, client_options
from .failures import TimedOut
from .output import about, json_option, printable, write_line

__all__ = ["wait"]

CONNECT_TIMEOUT = 10.0


@click.command(short_help="Wait until somebody comes or goes.")
@click.argument("whom", metavar="UID")
@click.option("--online/--offline", default=True, help="What to wait for; online unless given.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up after so long, logging in included; for ever unless given.",
)
@click.option("--fresh", is_flag=True, help="Wait for them to come, or go, even if it is so now.")
@json_option
@client_options
def wait(
    account: Account, whom: str, online: bool, timeout: float | None, fresh: bool, as_json: bool
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
    deadline = None if timeout is None else time.monotonic() + timeout
    connect_timeout = CONNECT_TIMEOUT if timeout is None else min(CONNECT_TIMEOUT, timeout)
    with closing(account.client(dispatch="none", connect_timeout=connect_timeout)) as client:
        try:
            user = _wait(client, whom, online, fresh, deadline)
        except RequestTimeout as error:
            if deadline is None or time.monotonic() < deadline:
                raise
            raise TimedOut(_too_late(client, whom, online, timeout)) from error
    if as_json:
        write_line(about(user))
    else:
        _show(user)


def _wait(
    client: PresenceClient, whom: str, online: bool, fresh: bool, deadline: float | None
) -> User:
    what = Text.assemble("waiting for ", (printable(whom), "bold"))
    what.append(" to come online" if online else " to go offline")
    with Console(stderr=True).status(what):
        client.login()
        uid = client.get_user(whom).uid  # a typing error would wait for ever
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        wait_for = client.wait_for_online if online else client.wait_for_offline
        return wait_for(uid, timeout=left, fresh=fresh)


def _too_late(client: PresenceClient, whom: str, online: bool, timeout: float | None) -> str:
    said = f"{printable(whom)} did not {'come online' if online else 'go offline'} within {timeout:g} s"
    if client.connection_status is not ConnectionStatus.CONNECTED:
        said += ", as far as can be known without a connection"
    return f"{said}."


def _show(user: User) -> None:
    mark = Text("● ", "green") if user.is_online else Text("○ ", "dim")
    name = printable(user.name or user.uid)
    Console(file=sys.stdout).print(
        Text.assemble(mark, name, " is ", "online" if user.is_online else "offline")
    )
