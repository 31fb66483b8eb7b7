"""What the demo looks like: a table on a terminal, lines of JSON elsewhere."""

import errno
import json
import os
import threading
import time
from collections import Counter, deque
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .. import Origin, PresenceEvent, User
from .output import span

__all__ = ["Lines", "LiveTable"]

FRESH = 1.0  # seconds a change stands out
LATEST = 4  # events in the feed


class Lines:
    """One line of JSON for each event, and one at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_cut = False

    def begin(self, emulator_url: str, users: list[User], seconds: float) -> None:
        pass

    def tell(self, event: PresenceEvent) -> None:
        user = event.user
        self._write(
            {
                "event": user.status.value,
                "uid": user.uid,
                "name": user.name,
                "role": user.role,
                "last_active_at": user.last_active_at,
                "origin": event.origin.name.lower(),
                "seq": event.seq,
            }
        )

    def tick(self) -> None:
        if self._is_cut:  # here, and not in a handler, somebody can end the demo
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def end(self) -> None:
        pass

    def conclude(self, events: int, known: frozenset[str], truth: frozenset[str]) -> None:
        self._write({"events": events, "online": sorted(known), "equal": known == truth})

    def _write(self, record: dict[str, object]) -> None:
        try:
            print(json.dumps(record, ensure_ascii=False), file=self._out, flush=True)
        except BrokenPipeError:
            self._is_cut = True


class LiveTable:
    """A table of everybody, kept up to date, with the latest events below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._users: dict[str, User] = {}
        self._since: dict[str, float] = {}  # when a user's status changed, by our own clock
        self._changes: Counter[str] = Counter()
        self._events = 0
        self._latest: deque[tuple[float, User]] = deque(maxlen=LATEST)
        self._url = ""
        self._seconds = 0.0
        self._began = time.monotonic()
        self._live: Live | None = None

    def begin(self, emulator_url: str, users: list[User], seconds: float) -> None:
        self._url, self._seconds, self._began = emulator_url, seconds, time.monotonic()
        with self._lock:
            everybody = {user.uid: user for user in users}
            order = sorted(everybody.values(), key=lambda user: (user.role or "", user.name))
            # What events said meanwhile is newer than the list.
            self._users = {user.uid: self._users.get(user.uid, user) for user in order}
        self._live = Live(
            self._render(), console=self._console, auto_refresh=False, transient=False
        )
        self._live.start()

    def tell(self, event: PresenceEvent) -> None:
        with self._lock:
            user = event.user
            self._users[user.uid] = user
            self._events += 1
            if event.origin is not Origin.SNAPSHOT:
                self._since[user.uid] = time.monotonic()
                self._changes[user.uid] += 1
                self._latest.appendleft((time.monotonic(), user))

    def tick(self) -> None:
        if self._live is not None:
            self._live.update(self._render(), refresh=True)

    def end(self) -> None:
        if self._live is not None:
            self.tick()
            self._live.stop()

    def conclude(self, events: int, known: frozenset[str], truth: frozenset[str]) -> None:
        if known == truth:
            self._console.print(
                f"[bold green]✔[/] {events} events arrived, and the client's picture equals the "
                f"emulator's: {len(truth)} of {len(self._users)} online."
            )
        else:
            missed, ghosts = ", ".join(sorted(truth - known)), ", ".join(sorted(known - truth))
            self._console.print(
                f"[bold red]✘[/] {events} events arrived, but the client's picture differs from "
                f"the emulator's; not seen coming: {missed or '-'}; not seen leaving: {ghosts or '-'}."
            )

    # ---- drawing

    def _render(self) -> RenderableType:
        now = time.monotonic()
        with self._lock:
            table = Table(expand=True, box=None, padding=(0, 1), header_style="dim")
            for heading, ratio in (("", 0), ("name", 3), ("role", 2), ("", 4)):
                table.add_column(heading, ratio=ratio or None, no_wrap=True)
            table.add_column("changes", justify="right")
            for user in self._users.values():
                self._add_row(table, user, now)
            feed = Group(*(self._feed_line(at, user, now) for at, user in self._latest))
            online = sum(user.is_online for user in self._users.values())
            footer = self._footer(online, now)
            blank = [Text("")] * (LATEST - len(self._latest))
        return Panel(
            Group(table, Text(""), feed, *blank, Text(""), footer),
            title="[bold]who is online[/]",
            subtitle=f"[dim]cometpresence · {self._url}[/]",
            border_style="cyan",
            padding=(0, 2),
            width=min(self._console.width, 78),
        )

    def _add_row(self, table: Table, user: User, now: float) -> None:
        changed = self._since.get(user.uid)
        is_fresh = changed is not None and now - changed < FRESH
        style = ("bold green" if user.is_online else "bold red") if is_fresh else ""
        if not user.is_online and not is_fresh:
            style = "dim"
        count = self._changes[user.uid]
        table.add_row(
            Text("●", "green") if user.is_online else Text("○", "dim"),
            Text(user.name),
            Text(user.role or ""),
            Text(_lately(user, None if changed is None else now - changed)),
            Text(str(count) if count else "·"),
            style=style,
        )

    def _feed_line(self, at: float, user: User, now: float) -> Text:
        verb, color = ("came online", "green") if user.is_online else ("went offline", "red")
        return Text.assemble((f"{span(now - at):>4} ago  ", "dim"), user.name, " ", (verb, color))

    def _footer(self, online: int, now: float) -> RenderableType:
        passed = min(now - self._began, self._seconds)
        grid = Table.grid(expand=True)
        grid.add_column()
        grid.add_column(justify="right", ratio=1)
        grid.add_row(
            Text.assemble(
                (str(online), "bold green"),
                f" of {len(self._users)} online   ",
                (str(self._events), "bold"),
                " events   ",
            ),
            ProgressBar(self._seconds, passed, width=24, complete_style="cyan"),
        )
        return grid


def _lately(user: User, changed: float | None) -> str:
    """Since when somebody is here, or when they were last seen; by the server's clock where only
    the server knows."""
    if user.is_online:
        return "online" if changed is None else f"online for {span(changed)}"
    if changed is None and not user.last_active_at:
        return "never seen"
    if changed is None:
        changed = time.time() - (user.last_active_at or 0)
    return f"last seen {span(changed)} ago"
