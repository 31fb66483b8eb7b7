"""Answers of a history as comma-separated values, for spreadsheets."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TextIO

from .records import Headcount, OnlineTime, Session

__all__ = ["write_counts", "write_sessions", "write_times"]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# The last ones are the first four as East Asian keyboards have them.


def write_sessions(file: TextIO, sessions: Sequence[Session], zone: tzinfo) -> int:
    """One row for each; how many."""
    columns = ("uid", "name", "status", "start", "end", "seconds", "online_at_end")
    return _write(
        file,
        columns,
        (
            (
                *(_harmless(each.uid), _harmless(each.name), each.status.value),
                *(_moment(each.start, zone), _moment(each.end, zone)),
                *(_seconds(each.duration), "yes" if each.end is None else "no"),
            )
            for each in sessions
        ),
    )


def write_times(file: TextIO, times: Sequence[OnlineTime], zone: tzinfo) -> int:
    """One row for each day or shift of each user; how many."""
    columns = ("uid", "name", "day", "shift", "start", "end", "online_seconds", "unknown_seconds")
    return _write(
        file,
        columns,
        (
            (
                *(_harmless(each.uid), _harmless(each.name), each.day.isoformat()),
                *(_harmless(each.shift or ""), _moment(each.start, zone), _moment(each.end, zone)),
                *(_seconds(each.online), _seconds(each.unknown)),
            )
            for each in times
        ),
    )


def write_counts(file: TextIO, counts: Sequence[Headcount], zone: tzinfo) -> int:
    """One row for each stretch; "online" is empty where nobody knows."""
    return _write(
        file,
        ("start", "end", "online"),
        (
            (
                *(_moment(each.start, zone), _moment(each.end, zone)),
                "" if each.online is None else each.online,
            )
            for each in counts
        ),
    )


def _write(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    writer = csv.writer(file)
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def _moment(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else at.astimezone(zone).isoformat()


def _seconds(length: timedelta | None) -> object:
    return "" if length is None else round(length.total_seconds(), 3)


def _harmless(text: str) -> str:
    """Users choose their names, and spreadsheets run what begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
