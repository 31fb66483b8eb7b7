"""``cometpresence doctor``: what is wrong, step by step, and what to do about it."""

import sys
import time
from collections.abc import Callable
from typing import Literal, Protocol

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .credentials import Settings, settings_options
from .doctor_account import Login, libraries, who_and_where
from .doctor_findings import Finding, State, Trouble
from .doctor_network import Host, compare_clocks
from .output import json_option, printable, write_line
from .times import Seconds

__all__ = ["doctor"]


@click.command()
@click.option(
    "--timeout",
    type=Seconds(),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Of each step.",
)
@json_option
@settings_options
def doctor(settings: Settings, timeout: float, as_json: bool) -> None:
    """Find out why it does not work.

    Looks at the versions, at what to log in with, at the way to each server (name, connection,
    certificate, answer, clock), then logs in, opens the socket and compares presence, as a client
    does; whoever logs in is seen online meanwhile.  Each step tells how long it took and, when it
    failed, what to do.

    \b
    Exit code
        0  all is well, warnings aside
        1  a step failed
    """
    report: Report = Lines() if as_json else Page(Console())
    examination = Examination(report)
    examine(examination, settings, timeout)
    report.conclude(examination.counts)
    sys.exit(1 if examination.counts[State.FAILED] else 0)


class Report(Protocol):
    """Where the findings go."""

    def heading(self, host: str) -> None: ...
    def begin(self, step: str) -> None: ...
    def tell(self, step: str, finding: Finding, seconds: float) -> None: ...
    def conclude(self, counts: dict[State, int]) -> None: ...


class Examination:
    """Takes one step after the other, and the time of each."""

    def __init__(self, report: Report) -> None:
        self.counts: dict[State, int] = dict.fromkeys(State, 0)
        self._report = report

    def turn_to(self, what: str) -> None:
        self._report.heading(what)

    def step(
        self, name: str, look: Callable[[], Finding], ready: Literal[True] | str = True
    ) -> bool:
        """Whether it went well; not tried unless `ready`, which else says what is missing."""
        self._report.begin(name)
        begin = time.perf_counter()
        try:
            finding = look() if ready is True else Finding(f"not tried: {ready}", "", State.SKIPPED)
        except Trouble as trouble:
            finding = Finding(str(trouble), trouble.fix, State.FAILED)
        self.counts[finding.state] += 1
        self._report.tell(name, finding, time.perf_counter() - begin)
        return finding.state in (State.OK, State.WARNING)


def examine(examination: Examination, settings: Settings, timeout: float) -> None:
    """All the steps, as far as one leads to the next."""
    login = Login(settings, timeout)
    examination.turn_to("this machine")
    examination.step("versions", libraries)
    if not examination.step("settings", lambda: who_and_where(settings, login)):
        return
    with login:
        for url in login.servers:
            with Host(url, settings.values.get("ca_file"), timeout) as host:
                examination.turn_to(host.name)
                examine_host(examination, host)
        examination.turn_to("CometChat")
        examination.step("login", login.log_in)
        connected = examination.step(
            "websocket", login.open_socket, login.is_valid or "there is no login"
        )
        examination.step("presence", login.compare, connected or "there is no connection")
        examination.step("count", login.count, login.is_valid or "there is no login")


def examine_host(examination: Examination, host: Host) -> None:
    """The way to one server."""
    resolved = examination.step("DNS", host.resolve)
    connected = resolved and examination.step("connect", host.connect)
    secured = connected and (not host.is_tls or examination.step("TLS", host.shake_hands))
    if secured and examination.step("HTTP", host.ask):
        examination.step("clock", lambda: compare_clocks(host))


# ---- reports


class Lines:
    """A line of JSON for each step."""

    def __init__(self) -> None:
        self._about = ""

    def heading(self, host: str) -> None:
        self._about = host

    def begin(self, step: str) -> None:
        pass

    def tell(self, step: str, finding: Finding, seconds: float) -> None:
        write_line(
            {
                "step": step,
                "about": self._about,
                "state": finding.state.value,
                "ms": round(seconds * 1000, 1),
                "detail": finding.detail.replace("\n", ", "),
                "fix": finding.fix or None,
            }
        )

    def conclude(self, counts: dict[State, int]) -> None:
        pass


_MARKS = {
    State.OK: Text("✔", "green"),
    State.WARNING: Text("!", "bold yellow"),
    State.FAILED: Text("✘", "bold red"),
    State.SKIPPED: Text("·", "dim"),
}


class Page:
    """What people read: each step as it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")

    def heading(self, host: str) -> None:
        self._console.print()
        self._console.print(Text(printable(host), "bold"))

    def begin(self, step: str) -> None:
        self._status.update(f"looking at {step}")
        self._status.start()

    def tell(self, step: str, finding: Finding, seconds: float) -> None:
        self._status.stop()
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=1)
        grid.add_column(width=9)
        grid.add_column(width=9, justify="right", style="dim")
        grid.add_column(ratio=1)
        lines = map(printable, finding.detail.split("\n"))
        words = Text("\n".join(lines), "dim" if finding.state is State.SKIPPED else "")
        if finding.fix:
            words.append("\n→ ", "bold")
            words.append(finding.fix[:1].upper() + printable(finding.fix[1:]) + ".", "bold")
        took = "" if finding.state is State.SKIPPED else f"{seconds * 1000:,.0f} ms"
        grid.add_row(_MARKS[finding.state], step, took, words)
        self._console.print(Padding(grid, (0, 1, 0, 2)))

    def conclude(self, counts: dict[State, int]) -> None:
        failed, warned = counts[State.FAILED], counts[State.WARNING]
        self._console.print()
        if failed:
            words = Text(f"✘ {failed} of {sum(counts.values())} steps failed.", "bold red")
        elif warned:
            words = Text("✔ It works, but look at what is marked with !", "bold yellow")
        else:
            words = Text("✔ All is well.", "bold green")
        self._console.print(words)
