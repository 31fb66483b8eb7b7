"""``cometpresence users``: the list of users, however long."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import PresenceClient, User, UsersRequest, UsersRequestBuilder
from .credentials import Account, client_options
from .output import about, counted, json_option, last_seen, printable, write_line
from .paging import PAGE, walk
from .who import MOST_UIDS, silent_client

__all__ = ["users"]


@click.command()
@click.option("--status", type=click.Choice(["online", "offline"]), help="Only those who are.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Only these; may be repeated.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only these; may be repeated.")
@click.option("--uid", "uids", multiple=True, metavar="UID", help="Only these; may be repeated.")
@click.option("--search", metavar="TEXT", help="Only those whose name or uid contains this.")
@click.option(
    "--search-in",
    type=click.Choice(["uid", "name"]),
    multiple=True,
    help="Where to look; both unless given.",
)
@click.option("--friends", is_flag=True, help="Only friends of the user who logs in.")
@click.option("--hide-blocked", is_flag=True, help="Leave out who is blocked, either way.")
@click.option("--sort", type=click.Choice(["name", "status"]), help="The server's order otherwise.")
@click.option("--order", type=click.Choice(["asc", "desc"]), help="Of --sort.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@json_option
@client_options
def users(account: Account, limit: int | None, as_json: bool, **filters: Any) -> None:
    """List users, online or not.

    Pages through all of them, with a progress bar when that takes long.  A table on a terminal;
    elsewhere a line of JSON for each, as they come.
    """
    with closing(silent_client(account)) as client:
        client.login()
        found = islice(_fetch(client, filters, limit), limit)
        if as_json:
            for user in found:
                write_line(_all_about(user))
        else:
            _show(Console(), list(found))


def _fetch(client: PresenceClient, filters: dict[str, Any], limit: int | None) -> Iterator[User]:
    most_pages = -(-limit // PAGE) if limit else sys.maxsize
    return walk(_requests(client, filters, min(limit or PAGE, PAGE)), most_pages)


def _requests(client: PresenceClient, filters: dict[str, Any], size: int) -> Iterator[UsersRequest]:
    """One request, or several when more uids are asked for than fit into one."""
    uids = filters["uids"]
    batches = [uids[i : i + MOST_UIDS] for i in range(0, len(uids), MOST_UIDS)]
    for batch in batches or [()]:
        builder = client.users_request().set_limit(size).with_tags()
        yield _filtered(builder, filters | {"uids": batch}).build()


def _filtered(builder: UsersRequestBuilder, filters: dict[str, Any]) -> UsersRequestBuilder:
    setters: dict[str, Callable[[Any], UsersRequestBuilder]] = {
        "status": builder.set_status,
        "roles": builder.set_roles,
        "tags": builder.set_tags,
        "uids": builder.set_uids,
        "search": builder.set_search_keyword,
        "search_in": builder.search_in,
        "friends": builder.friends_only,
        "hide_blocked": builder.hide_blocked_users,
        "sort": builder.sort_by,
        "order": builder.sort_by_order,
    }
    for name, value in filters.items():
        if value:
            setters[name](value)
    return builder


def _all_about(user: User) -> dict[str, object]:
    return about(user) | {
        "status_message": user.status_message,
        "avatar": user.avatar,
        "link": user.link,
        "tags": user.tags,
        "metadata": user.metadata,
        "blocked_by_me": user.blocked_by_me,
        "has_blocked_me": user.has_blocked_me,
        "deactivated_at": user.deactivated_at,
        "created_at": user.created_at,
    }


def _show(console: Console, found: list[User]) -> None:
    if not found:
        console.print("There are no such users.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("", "name", "uid", "role", "last seen", "tags"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for user in found:
        table.add_row(
            Text("●", "green") if user.is_online else Text("○", "dim"),
            Text(printable(user.name or user.uid)),
            Text(printable(user.uid), "dim"),
            Text(printable(user.role or "")),
            Text(last_seen(user)),
            Text(printable(", ".join(user.tags))),
            style="" if user.is_online else "dim",
        )
    console.print(table)
    online = sum(user.is_online for user in found)
    console.print(f"[dim]{counted(len(found), 'user')}, {online:,} online[/]", highlight=False)
