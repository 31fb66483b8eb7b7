"""``cometpresence record``: who comes and goes, written down until Ctrl-C."""

import errno
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from .. import (
    Disconnect,
    NotConnectedError,
    PresenceClient,
    PresenceRecorder,
    PresenceScope,
    RequestTimeout,
    SyncReport,
    SyncState,
)
from .credentials import Account, client_options
from .output import counted, json_option, printable, reader_is_gone, span, write_line
from .times import duration

__all__ = ["record"]

_TICK = 0.5  # seconds between two looks while nothing happens


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--retention",
    metavar="TIME",
    help="Delete what is older, such as 90d or 12w; everything is kept, unless given.",
)
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Only these; may be repeated.")
@json_option
@client_options
def record(
    account: Account, file: Path, retention: str | None, roles: tuple[str, ...], as_json: bool
) -> None:
    """Write who comes and goes into FILE, until Ctrl-C.

    FILE is made, or continued; `cometpresence report` reads it, also meanwhile.  One line on a
    terminal says how it goes; elsewhere a line of JSON each time the connection changes.

    This is personal data: tell the people whom you record, and keep no more than you need.
    Whoever logs in is seen online meanwhile.
    """
    try:
        _record(account, file, retention, roles, as_json)
    except sqlite3.Error as error:
        raise click.ClickException(f"{printable(str(file))} cannot be written: {error}.") from error


def _record(
    account: Account, file: Path, retention: str | None, roles: tuple[str, ...], as_json: bool
) -> None:
    keep = None if retention is None else duration(retention).total_seconds()
    scope = PresenceScope.roles(*roles) if roles else PresenceScope.all_users()
    with (
        closing(account.client(presence=scope, dispatch="none")) as client,
        PresenceRecorder(client, file, retention=keep) as recorder,
    ):
        view: _View = _Lines(file) if as_json else _Line(file)
        client.on_synced(lambda report: view.synced(client, report))
        client.on_disconnected(view.disconnected)
        refused: list[BaseException] = []  # by the disk

        @client.on_error
        def _(error: BaseException, where: str) -> None:
            if where == "history":
                refused.append(error)
            else:
                view.error(error, where)

        with view, _ended_politely():
            client.login()
            _run(client, recorder, view, refused)
    view.ended(recorder)


def _run(
    client: PresenceClient,
    recorder: PresenceRecorder,
    view: "_View",
    refused: list[BaseException],
) -> None:
    """Until Ctrl-C; raise why, if the server will have nothing to do with us any more, or the disk."""
    while True:
        client.wait(_TICK)
        client.drain()
        with suppress(RequestTimeout, NotConnectedError):
            client.wait_synced(timeout=0)
        if refused:
            raise refused[0]
        view.refresh(client, recorder)


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Ctrl-C is how it ends, and SIGTERM is Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


# ---- how it is shown


class _View(Protocol):
    """How the recording is shown; all of it on one thread."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def synced(self, client: PresenceClient, report: SyncReport) -> None: ...
    def disconnected(self, how: Disconnect) -> None: ...
    def error(self, error: BaseException, where: str) -> None: ...
    def refresh(self, client: PresenceClient, recorder: PresenceRecorder) -> None: ...
    def ended(self, recorder: PresenceRecorder) -> None: ...


class _Lines:
    """A line of JSON for whatever concerns the recording as a whole.

    Handlers only note what to print: what they raise would be taken for a handler's error.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._notes: list[dict[str, object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def synced(self, client: PresenceClient, report: SyncReport) -> None:
        state = client.presence.state.name.lower()
        self._notes.append({"event": "recording", "state": state, "online": report.online})

    def disconnected(self, how: Disconnect) -> None:
        self._notes.append(
            {
                "event": "disconnected",
                "code": how.code,
                "reason": how.reason,
                "will_retry": how.will_retry,
            }
        )

    def error(self, error: BaseException, where: str) -> None:
        self._notes.append({"event": "error", "where": where, "message": str(error)})

    def refresh(self, client: PresenceClient, recorder: PresenceRecorder) -> None:
        self._print()
        if reader_is_gone():  # found out here, and not at the next line, hours later
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def ended(self, recorder: PresenceRecorder) -> None:
        self._notes.append({"event": "ended", "file": str(self._file), "changes": recorder.written})
        self._print()

    def _print(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            write_line(note)


class _Line:
    """One line that is kept up to date, and what goes wrong above it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._console = Console()
        self._began = time.monotonic()
        self._live = Live(Text("logging in", "dim"), console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def synced(self, client: PresenceClient, report: SyncReport) -> None:
        pass

    def disconnected(self, how: Disconnect) -> None:
        said = printable(how.reason) or f"code {how.code}"
        self._console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] disconnected:", said)

    def error(self, error: BaseException, where: str) -> None:
        said = Text(f" {printable(where)}: {printable(str(error))}")
        self._console.print(Text(time.strftime("%H:%M:%S"), "dim") + said)

    def refresh(self, client: PresenceClient, recorder: PresenceRecorder) -> None:
        text = Text(overflow="ellipsis", no_wrap=True)
        if client.presence.state is SyncState.SYNCED:
            text.append("● recording", "bold green")
        else:
            text.append("○ waiting", "bold yellow").append(" to be in step", "yellow")
        text.append(f" into {printable(self._file.name)}", "dim")
        text.append(f"   {len(client.presence.online):,}", "bold").append(" online")
        number, what = counted(recorder.written, "change").split()
        text.append(f"   {number}", "bold").append(f" {what}")
        text.append(f"   {span(time.monotonic() - self._began)}   Ctrl-C ends it", "dim")
        self._live.update(text, refresh=True)

    def ended(self, recorder: PresenceRecorder) -> None:
        file = printable(str(self._file))
        self._console.print(
            Text(f"{counted(recorder.written, 'change')}; cometpresence report {file}")
        )
