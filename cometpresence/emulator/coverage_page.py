"""`cometpresence emulator coverage`: the table of coverage.py, for people and for programs."""

import json
import sys
from itertools import groupby

import click

from .coverage import Entry, Evidence, Kind, entries

_STYLES = {
    Evidence.VERIFIED: "green",
    Evidence.DOCUMENTED: "cyan",
    Evidence.CHOICE: "yellow",
    Evidence.UNSUPPORTED: "red",
}
_PLURALS = {
    Kind.MEMBER: "Members of bodies that scripts send with an apiKey",
    Kind.BEHAVIOUR: "What the wire leaves open",
}


@click.command()
@click.option("--markdown", is_flag=True, help="As a page for a wiki or a repository.")
def coverage(markdown: bool) -> None:
    """What is emulated, and how far that can be trusted.

    A table on a terminal, else one line of JSON for each endpoint, header, query option, setting,
    frame, subscription and choice of behaviour.
    """
    if markdown:
        click.echo(as_markdown())
    elif sys.stdout.isatty():
        _print_tables()
    else:
        for entry in entries():
            click.echo(json.dumps(entry.facts()))


def as_markdown() -> str:
    """One section for each kind of thing, one row for each thing."""
    lines = ["# What the emulator covers", ""]
    lines += [f"- *{evidence}*: {sum_of(evidence)}" for evidence in Evidence]
    for kind, rows in groupby(entries(), lambda entry: entry.kind):
        lines += [
            "",
            f"## {heading(kind)}",
            "",
            "| name | of | evidence | note |",
            "|---|---|---|---|",
        ]
        lines += [_row(entry) for entry in rows]
    return "\n".join(lines)


def heading(kind: Kind) -> str:
    return _PLURALS.get(kind, f"{kind.value.capitalize()}s")


def sum_of(evidence: Evidence) -> int:
    return sum(entry.evidence is evidence for entry in entries())


def _row(entry: Entry) -> str:
    cells = (f"`{entry.name}`", entry.of, str(entry.evidence), entry.note)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _print_tables() -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for kind, rows in groupby(entries(), lambda entry: entry.kind):
        table = Table(title=heading(kind), title_justify="left", title_style="bold")
        for column in ("name", "of", "evidence", "note"):
            table.add_column(column, overflow="fold")
        for entry in rows:
            graded = Text(str(entry.evidence), style=_STYLES[entry.evidence])
            table.add_row(Text(entry.name), Text(entry.of), graded, Text(entry.note))
        console.print(table)
    for evidence in Evidence:
        console.print(Text(f"{sum_of(evidence):4} {evidence}", style=_STYLES[evidence]))
