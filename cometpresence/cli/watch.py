"""``cometpresence watch``: who comes and goes, as it happens."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Protocol

import click
from rich.console import Console

from .. import (
    Disconnect,
    NotConnectedError,
    Origin,
    PresenceClient,
    PresenceEvent,
    PresenceScope,
    RequestTimeout,
    SyncReport,
    User,
)
from .credentials import Account, client_options
from .output import json_option, printable
from .times import Seconds
from .watch_lines import Lines
from .watch_table import SORTS, LiveTable, Sort
from .who import MOST_UIDS

__all__ = ["View", "watch"]

TICK = 0.5  # seconds between two looks at the clock while nothing happens
BATCH = 256


class View(Protocol):
    """How what happens is shown; all of it on one thread."""

    def begin(self, client: PresenceClient, users: list[User]) -> None: ...
    def presence(self, event: PresenceEvent) -> None: ...
    def connecting(self, attempt: int, delay: float) -> None: ...
    def connected(self, generation: int) -> None: ...
    def disconnected(self, how: Disconnect) -> None: ...
    def synced(self, report: SyncReport) -> None: ...
    def degraded(self, reason: str) -> None: ...
    def error(self, error: BaseException, where: str) -> None: ...
    def refresh(self) -> None:
        """After each batch of the above, and now and then."""

    def end(self) -> None: ...


@click.command()
@click.option("--uid", "uids", multiple=True, metavar="UID", help="Only these; may be repeated.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Only these; may be repeated.")
@click.option("--friends", is_flag=True, help="Only friends of the user who logs in.")
@click.option("--all", "everybody", is_flag=True, help="List those who are offline, too.")
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default=SORTS[0],
    show_default=True,
    help="Of the table; who is online stands first in any case.",
)
@click.option("--seconds", type=Seconds(), help="Stop after so long.")
@json_option
@client_options
def watch(
    account: Account,
    uids: tuple[str, ...],
    roles: tuple[str, ...],
    friends: bool,
    everybody: bool,
    sort: Sort,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Watch users come and go, until Ctrl-C.

    A live table on a terminal.  Elsewhere, or with --json, a line of JSON for each event: "online"
    and "offline" with uid, name, role, origin ("snapshot" for those found online at first, then
    "live", or "resync" for what a gap hid) and times; besides, "connecting", "connected",
    "disconnected", "synced", "degraded" and "error" say how far it can be trusted.

    Whoever logs in is seen online meanwhile.
    """
    if friends and roles:
        raise click.UsageError("--friends and --role cannot go together.")
    console = Console()
    has_table = not as_json and not console.is_dumb_terminal
    view: View = LiveTable(console, account.app_id, sort) if has_table else Lines()
    scope = PresenceScope.friends() if friends else PresenceScope.all_users()
    if roles:
        scope = PresenceScope.roles(*roles)
    with closing(account.client(presence=scope, dispatch="none")) as client:
        show(client, view, uids)
        with _waiting(has_table):
            client.login()
            known = list(_profiles(client, uids, roles, friends, everybody))
        _warn_of_strangers(uids, known)
        view.begin(client, known)
        try:
            with _no_trace_of_sigterm():
                run(client, view, seconds)
        finally:
            view.end()


def show(client: PresenceClient, view: View, uids: tuple[str, ...]) -> None:
    """Have the view told of all that happens, on the thread that drains."""
    client.on_presence(view.presence, uids=uids or None, origins=set(Origin))
    client.on_connecting(view.connecting)
    client.on_connected(view.connected)
    client.on_disconnected(view.disconnected)
    client.on_synced(view.synced)
    client.on_degraded(view.degraded)
    client.on_error(view.error)


def run(client: PresenceClient, view: View, seconds: float | None) -> None:
    """Tell the view what comes, until the time is up; raise why, if nothing will come any more."""
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        client.wait(TICK if end is None else max(0.0, min(TICK, end - time.monotonic())))
        client.drain(BATCH)
        with suppress(RequestTimeout, NotConnectedError):
            client.wait_synced(timeout=0)  # raises what ended it, if the server refused us for good
        view.refresh()


@contextmanager
def _waiting(is_shown: bool) -> Iterator[None]:
    if not is_shown:
        yield
        return
    with Console(stderr=True).status("logging in"):
        yield


@contextmanager
def _no_trace_of_sigterm() -> Iterator[None]:
    """Ended politely, it leaves the terminal as it was, with its cursor."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _profiles(
    client: PresenceClient,
    uids: tuple[str, ...],
    roles: tuple[str, ...],
    friends: bool,
    everybody: bool,
) -> Iterator[User]:
    """Those who stand in the table though they be offline."""
    if uids:
        for i in range(0, len(uids), MOST_UIDS):
            yield from client.users(uids=uids[i : i + MOST_UIDS])
    elif everybody:
        yield from client.users(friends_only=friends, **({"roles": roles} if roles else {}))


def _warn_of_strangers(uids: tuple[str, ...], known: list[User]) -> None:
    """A typing error would look like somebody who never comes."""
    if strangers := {uid.lower() for uid in uids} - {user.uid.lower() for user in known}:
        names = ", ".join(sorted(map(printable, strangers)))
        click.echo(f"warning: there is no user {names}; watching nevertheless", err=True)
