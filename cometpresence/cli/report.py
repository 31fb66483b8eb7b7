"""``cometpresence report``: what a recording says, as a table, a picture or lines for programs."""

import sqlite3
from datetime import tzinfo
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from .._arguments import words_of
from ..history import PresenceHistory
from ..history.moments import check_zone
from ..history.summary import Summary, UserSummary, summarize
from .output import json_option, write_line
from .report_table import show
from .times import local_zone, moment

__all__ = ["report"]

_TABLES: dict[str, Literal["sessions", "time_online", "concurrency"]] = {
    "sessions": "sessions",
    "days": "time_online",
    "concurrency": "concurrency",
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--uid", "uids", multiple=True, metavar="UID", help="Only these; may be repeated.")
@click.option("--since", metavar="TIME", help="today, yesterday, 7d (ago), 2026-05-31T08:00 …")
@click.option("--until", metavar="TIME", help="As --since; both: all there is, unless given.")
@click.option("--tz", metavar="ZONE", help="Time zone, such as Europe/Berlin; this machine's.")
@click.option("--csv", type=click.Path(dir_okay=False), help="Write a CSV file: see --table.")
@click.option(
    "--table",
    type=click.Choice([*_TABLES]),
    help="What goes into it: sessions, unless given; time online by day; or how many were online.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False),
    help="Draw it: a .png, .svg or .pdf file (needs the extra report).",
)
@click.option("--title", default="Who was online", show_default=True, help="Of the picture.")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="At most so many users in table and picture, those online longest.",
)
@json_option
def report(
    file: Path,
    uids: tuple[str, ...],
    since: str | None,
    until: str | None,
    tz: str | None,
    csv: str | None,
    table: str | None,
    picture: str | None,
    title: str,
    top: int,
    as_json: bool,
) -> None:
    """Who was online when, from a recording.

    A table on a terminal; elsewhere a line of JSON for each user, and one about all.  The
    recording may go on meanwhile.
    """
    if table is not None and csv is None:
        raise click.UsageError("--table is for --csv.")
    zone = check_zone(tz) if tz else local_zone()
    window = (
        None if since is None else moment(since, zone),
        None if until is None else moment(until, zone),
    )
    who = uids or None
    try:
        with PresenceHistory(file) as history:
            summary = summarize(history, who, *window)
            if summary is None:
                raise click.ClickException(f"{file} has nothing to report yet.")
            if csv is not None:
                history.to_csv(csv, who, *window, tz=zone, what=_TABLES[table or "sessions"])
            if picture is not None:
                history.draw(picture, who, *window, tz=zone, title=title, most=top)
    except (ImportError, OSError, sqlite3.Error) as error:
        raise click.ClickException(words_of(error)) from error
    if as_json:
        _write(summary, zone)
    else:
        show(Console(), summary, zone, top)


def _write(summary: Summary, zone: tzinfo) -> None:
    for user in summary.users:
        write_line(_about(user, zone))
    peak = summary.peak
    write_line(
        {
            "since": summary.window.start.astimezone(zone).isoformat(),
            "until": summary.window.end.astimezone(zone).isoformat(),
            "known_seconds": summary.known.total_seconds(),
            "peak": None if peak is None else peak.online,
            "peak_at": None if peak is None else peak.start.astimezone(zone).isoformat(),
        }
    )


def _about(user: UserSummary, zone: tzinfo) -> dict[str, object]:
    last = user.last_online
    return {
        "uid": user.uid,
        "name": user.name,
        "online_seconds": user.total.total_seconds(),
        "sessions": len(user.online),
        "last_online": None if last is None else last.astimezone(zone).isoformat(),
        "online_at_end": user.is_online,
    }
