"""What ``watch`` shows people: a table that keeps itself up to date."""

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .. import (
    CometChatException,
    ConnectionStatus,
    Disconnect,
    Origin,
    PresenceClient,
    PresenceEvent,
    SyncReport,
    SyncState,
    User,
)
from .output import clock, counted, last_seen, printable, span

__all__ = ["SORTS", "LiveTable", "Sort"]

Sort = Literal["recent", "name", "role"]
SORTS = get_args(Sort)

FRESH = 2.0  # seconds a change stands out
PAUSE = 0.1  # seconds between two pictures, at least
WIDEST = 110
BESIDE = 2  # columns that stay free for the ^C of a terminal, which would else begin a line
AROUND = 6  # lines of the screen that are not rows; one more where the footer has two
ROOMY = 76  # columns from which the footer is one line
FRAME, GAP = 4, 2  # columns of the frame, and between two of the table
COLUMNS = ("", "name", "uid", "role", "since", "last seen")
LONGEST = {"name": 12, "uid": 36, "role": 12}  # cut beyond; a name only where room is short
LONG_NAME = 24  # columns that a name gets before "since" holds the time of day
TIME_OF_DAY = 23  # columns of "since" that hold it


@dataclass(slots=True)
class Row:
    """A user, and what is known of since when."""

    user: User
    since: float | None = None  # Unix seconds, by our clock; None: since before we looked
    is_exact: bool = False  # False: worked out after a gap
    changed: float = float("-inf")  # when we heard of it; monotonic

    @property
    def order(self) -> str:
        return (self.user.name or self.user.uid).casefold()


_KEYS: dict[str, Callable[[Row], Any]] = {
    "recent": lambda row: (not row.user.is_online, -row.changed, -(row.since or 0), row.order),
    "name": lambda row: (not row.user.is_online, row.order),
    "role": lambda row: (not row.user.is_online, row.user.role or "", row.order),
}


class LiveTable:
    """Everybody who is online, then those who left, as many as there is room for."""

    def __init__(self, console: Console, app_id: str, sort: Sort) -> None:
        self._console = console
        self._app_id = app_id
        self._key = _KEYS[sort]
        self._rows: dict[str, Row] = {}
        self._changes = 0
        self._began = time.time()
        self._compared: float | None = None
        self._trouble = ""
        self._attempt = 0
        self._drawn = 0.0
        self._size: ConsoleDimensions = console.size
        self._client: PresenceClient | None = None
        self._live: Live | None = None

    # ---- what happens

    def begin(self, client: PresenceClient, users: list[User]) -> None:
        self._client = client
        for user in users:
            self._rows.setdefault(user.uid, Row(user, user.last_active_at or None))
        self._live = Live(
            self._render(), console=self._console, auto_refresh=False, vertical_overflow="crop"
        )
        self._live.start(refresh=True)

    def presence(self, event: PresenceEvent) -> None:
        if event.origin is Origin.SNAPSHOT:
            self._rows[event.user.uid] = Row(event.user)
            return
        self._changes += 1
        is_exact = event.origin is Origin.LIVE
        self._rows[event.user.uid] = Row(event.user, time.time(), is_exact, time.monotonic())

    def connecting(self, attempt: int, delay: float) -> None:
        self._attempt = attempt

    def connected(self, generation: int) -> None:
        self._attempt, self._trouble = 0, ""

    def disconnected(self, how: Disconnect) -> None:
        self._trouble = how.reason or f"the connection was lost ({how.code})"

    def synced(self, report: SyncReport) -> None:
        self._compared, self._trouble = time.monotonic(), ""

    def degraded(self, reason: str) -> None:
        self._trouble = reason

    def error(self, error: BaseException, where: str) -> None:
        message = error.message if isinstance(error, CometChatException) else str(error)
        self._trouble = f"{where}: {message}"

    def refresh(self) -> None:
        now = time.monotonic()
        if self._live is not None and now - self._drawn >= PAUSE:
            self._drawn = now
            if self._size != self._console.size:  # lines were wrapped anew: rich would miss some
                self._size = self._console.size
                self._console.clear()
            self._live.update(self._render(), refresh=True)

    def end(self) -> None:
        if self._live is not None:
            self._live.update(self._render(), refresh=True)
            self._live.stop()

    # ---- drawing

    def _render(self) -> RenderableType:
        width = min(self._console.width - BESIDE, WIDEST)
        room = max(1, self._console.height - AROUND - (width < ROOMY))
        rows = heapq.nsmallest(room, self._rows.values(), key=self._key)
        hidden = len(self._rows) - len(rows)
        if hidden:
            rows, hidden = rows[:-1], hidden + 1
        table = self._table(rows, width)
        more = [Text(f"  … and {hidden:,} more", "dim")] if hidden else []
        if not rows:
            more = [Text("  nobody yet", "dim")]
        return Panel(
            Group(table, *more, Text(""), self._footer(width)),
            title="[bold]who is online[/]",
            subtitle=f"[dim]cometpresence · {printable(self._app_id)} · Ctrl-C ends[/]",
            border_style="cyan",
            padding=(0, 1),
            width=width,
        )

    def _table(self, rows: list[Row], width: int) -> Table:
        widths = _widths([row.user for row in rows], width - FRAME)
        table = Table(expand=True, box=None, padding=(0, GAP // 2), header_style="dim")
        for name, columns in widths.items():
            exact = None if name == "name" else columns  # which gets what the others leave
            ratio, style = (1, "") if name == "name" else (None, "dim" if name == "uid" else "")
            table.add_column(
                name, width=exact, ratio=ratio, style=style, no_wrap=True, overflow="ellipsis"
            )
        has_time = widths.get("since") == TIME_OF_DAY
        now = time.monotonic()
        for row in rows:
            user = row.user
            cells = {
                "": Text("●", "green") if user.is_online else Text("○", "dim"),
                "name": Text(printable(user.name or user.uid)),
                "uid": Text(printable(user.uid)),
                "role": Text(printable(user.role or "")),
                "since": Text(self._since(row, has_time)),
                "last seen": Text(last_seen(user)),
            }
            table.add_row(*(cells[name] for name in widths), style=_style(row, now))
        return table

    def _since(self, row: Row, has_room: bool) -> str:
        if row.since is None and not row.user.is_online:
            return ""
        since = self._began if row.since is None else row.since
        length = span(time.time() - since)
        if row.since is None:
            return f"before {clock(since)}" if has_room else f"> {length}"
        about = "" if row.is_exact else "~"
        return f"{about}{clock(since)} ({length})" if has_room else f"{about}{length}"

    def _footer(self, width: int) -> RenderableType:
        online = sum(row.user.is_online for row in self._rows.values())
        number, what = counted(self._changes, "change").split()
        counts = Text.assemble(
            (f"{online:,}", "bold green"), " online  ", (number, "bold"), f" {what}"
        )
        if width < ROOMY:
            return Padding(Group(counts, self._state()), (0, 1))
        grid = Table.grid(expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_row(counts, self._state())
        return Padding(grid, (0, 1))

    def _state(self) -> Text:
        """Whether there is a connection, and how far the picture can be trusted."""
        assert self._client is not None
        status, state = self._client.connection_status, self._client.presence.state
        trouble = f": {printable(self._trouble)}" if self._trouble else ""
        if status is ConnectionStatus.CONNECTING:
            attempt = f", attempt {self._attempt}" if self._attempt > 1 else ""
            return Text(f"◌ connecting{attempt}, as last known{trouble}", "yellow")
        if status is ConnectionStatus.DISCONNECTED:
            return Text(f"○ disconnected, as last known{trouble}", "red")
        if state is SyncState.DEGRADED:
            return Text(f"● connected, incomplete{trouble}", "yellow")
        if state is not SyncState.SYNCED or self._compared is None:  # and we were told so
            return Text(f"● connected, comparing with the server{trouble}", "yellow")
        words = f"connected, in sync, compared {span(time.monotonic() - self._compared)} ago"
        if (round_trip := self._client.stats().last_rtt) is not None:
            words += f", ping {round_trip * 1000:.0f} ms"
        return Text.assemble(("● ", "green"), (words, "dim"))


def _widths(users: list[User], room: int) -> dict[str, int]:
    """How wide each column is, from left to right; left out is what there is no room for."""
    needs = {
        column: max([len(column), *(min(most, cell_len(_text(user, column))) for user in users)])
        for column, most in LONGEST.items()
    }
    widths = {"": 1, "name": needs["name"]}
    wishes = (("since", 7), ("uid", needs["uid"]), ("role", needs["role"]), ("last seen", 10))
    long_name = max([needs["name"], *(cell_len(_text(user, "name")) for user in users)])
    roomy = (("name", min(long_name, LONG_NAME)), ("since", TIME_OF_DAY))
    for column, width in wishes + roomy:  # the dearest first
        more = widths | {column: width}
        if sum(more.values()) + GAP * len(more) <= room:
            widths = more
    return {column: widths[column] for column in COLUMNS if column in widths}


def _text(user: User, column: str) -> str:
    return printable({"name": user.name, "uid": user.uid, "role": user.role}[column] or "")


def _style(row: Row, now: float) -> str:
    if now - row.changed < FRESH:
        return "bold green" if row.user.is_online else "bold red"
    return "" if row.user.is_online else "dim"
