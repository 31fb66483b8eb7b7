"""``cometpresence who``: who is online now."""

from collections.abc import Iterator
from contextlib import closing

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import AppSettingsBuilder, PresenceClient, PresenceScope, User, UsersRequest, UserStatus
from .credentials import Account, client_options
from .output import about, json_option, printable, write_line
from .paging import PAGE, walk

__all__ = ["silent_client", "who"]

MOST_UIDS = 25  # in one request, by CometChat's rules


@click.command()
@click.option("--uid", "uids", multiple=True, metavar="UID", help="Only these; may be repeated.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Only these; may be repeated.")
@json_option
@client_options
def who(account: Account, uids: tuple[str, ...], roles: tuple[str, ...], as_json: bool) -> None:
    """Who is online now.

    Asks once, without coming online itself.  A table on a terminal; elsewhere a line of JSON for
    each: uid, name, role, status and last_active_at (Unix seconds).
    """
    with closing(silent_client(account)) as client:
        client.login()
        users = sorted(_online(client, uids, roles), key=lambda user: user.name.casefold())
    if as_json:
        for user in users:
            write_line(about(user))
    else:
        _show(Console(), users)


def silent_client(account: Account) -> PresenceClient:
    """A client that only asks: it opens no socket, so nobody sees it come online."""
    settings = AppSettingsBuilder().auto_establish_socket_connection(False).build()
    return account.client(settings=settings, presence=PresenceScope.none(), dispatch="none")


def _online(
    client: PresenceClient, uids: tuple[str, ...], roles: tuple[str, ...]
) -> Iterator[User]:
    return walk(_requests(client, uids, roles))


def _requests(
    client: PresenceClient, uids: tuple[str, ...], roles: tuple[str, ...]
) -> Iterator[UsersRequest]:
    batches = [uids[i : i + MOST_UIDS] for i in range(0, len(uids), MOST_UIDS)]
    for batch in batches or [()]:
        builder = client.users_request().set_limit(PAGE).set_status(UserStatus.ONLINE)
        builder.sort_by("name")
        if roles:
            builder.set_roles(roles)
        if batch:
            builder.set_uids(batch)
        yield builder.build()


def _show(console: Console, users: list[User]) -> None:
    if not users:
        console.print("Nobody is online.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("", "name", "uid", "role"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for user in users:
        table.add_row(
            Text("●", "green"),
            Text(printable(user.name or user.uid)),
            Text(printable(user.uid), "dim"),
            Text(printable(user.role or "")),
        )
    console.print(table)
    console.print(f"[dim]{len(users):,} online[/]", highlight=False)
