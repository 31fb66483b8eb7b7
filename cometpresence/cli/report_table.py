"""What a report looks like on a terminal: a line for each user, with their time as a row of blocks."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta, tzinfo
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..history import Span
from ..history.summary import Summary, UserSummary
from .output import printable

__all__ = ["show"]

_BLOCKS = " ▁▂▃▄▅▆▇█"
_HEADINGS = ("name", "online", "sessions", "last seen")
_LONGEST_NAME = 18
_PADDING = 2
_LEAST, _MOST = 12, 72  # blocks
_STEPS = [timedelta(hours=hours) for hours in (1, 2, 3, 6, 12)]
_DAY = timedelta(days=1)


def show(console: Console, summary: Summary, zone: tzinfo, top: int) -> None:
    """Print it, as wide as the terminal allows."""
    for line in _headlines(summary, zone):
        console.print(line, highlight=False)
    console.print()
    if not summary.users:
        console.print("Nobody was online.")
        return
    rows = [_words(user, zone) for user in summary.users[:top]]
    width = min(_MOST, console.width - _taken(rows))
    table = Table(box=None, padding=(0, _PADDING, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for heading in _HEADINGS:
        side: Literal["left", "right"] = "right" if heading in ("online", "sessions") else "left"
        table.add_column(heading, justify=side, overflow="ellipsis", no_wrap=True)
    if width >= _LEAST:
        table.add_column(Text(_scale(summary.window, zone, width)), no_wrap=True)
    for user, row in zip(summary.users, rows, strict=False):
        light = Text("●", "green") if user.is_online else Text("○", "dim")
        blocks = [_blocks(user, summary, width)] if width >= _LEAST else []
        table.add_row(light, *map(Text, row), *blocks)
    console.print(table)
    console.print()
    if (left := len(summary.users) - top) > 0:
        console.print(
            f"[dim]and {left:,} more, online less; --top {top + left}[/]", highlight=False
        )
    if width >= _LEAST:
        console.print(_legend(summary))


def _headlines(summary: Summary, zone: tzinfo) -> Iterator[Text]:
    start, end = (at.astimezone(zone) for at in (summary.window.start, summary.window.end))
    yield Text(f"{_moment(start)} to {_moment(end)} {end:%Z}", "bold")
    known = summary.known / summary.window.duration if summary.gaps else 1.0
    facts = ["all of it known" if known == 1 else f"{known:.1%} of it known"]
    if (peak := summary.peak) is not None:
        facts.append(f"at most {peak.online:,} at once, {_moment(peak.start.astimezone(zone))}")
    yield Text(" · ".join(facts), "dim")


def _words(user: UserSummary, zone: tzinfo) -> tuple[str, ...]:
    """What stands below _HEADINGS."""
    last = "" if user.last_online is None else f"{user.last_online.astimezone(zone):%d %b %H:%M}"
    name = Text(printable(user.name or user.uid))
    name.truncate(_LONGEST_NAME, overflow="ellipsis")
    return (
        name.plain,
        _length(user.total),
        f"{len(user.online):,}",
        "at the end" if user.is_online else last,
    )


def _taken(rows: Sequence[tuple[str, ...]]) -> int:
    """The columns of the terminal that are not for blocks."""
    columns = zip(_HEADINGS, *rows, strict=True)
    widths = [1, *(max(map(cell_len, column)) for column in columns)]
    return sum(widths) + _PADDING * (len(widths) + 1)


def _legend(summary: Summary) -> Text:
    legend = Text.assemble(("█", "green"), " online  ", ("·", "dim"), " offline", style="dim")
    if summary.gaps:
        legend.append("  ░", "yellow").append(" not known")
    return legend


# ---- time as blocks


def _blocks(user: UserSummary, summary: Summary, width: int) -> Text:
    """Each as high as the share of its time that the user was online."""
    start, length = summary.window.start, summary.window.duration / width
    text = Text()
    for number in range(width):
        part = Span(start + number * length, start + (number + 1) * length)
        online = _share(user.online, part)
        unknown = _share(summary.gaps, part) + _share(user.unknown, part)
        if unknown > 0.5 or (unknown and not online):
            text.append("░", "yellow")
        elif online:
            text.append(_BLOCKS[max(1, round(online / (1 - unknown) * 8))], "green")
        else:
            text.append("·", "dim")
    return text


def _share(spans: Sequence[Span], part: Span) -> float:
    covered = sum(
        (min(span.end, part.end) - max(span.start, part.start) for span in _within(spans, part)),
        timedelta(),
    )
    return covered / part.duration if part.duration else 0.0


def _within(spans: Sequence[Span], part: Span) -> Iterator[Span]:
    return (span for span in spans if span.start < part.end and span.end > part.start)


def _scale(window: Span, zone: tzinfo, width: int) -> str:
    """Days or hours, above the blocks they begin at."""
    line = ""
    for at, label in _ticks(window, zone, width):
        column = int((at - window.start) / window.duration * width) if window.duration else 0
        if column + len(label) > width or (line and column <= len(line)):
            continue
        line = line.ljust(column) + label
    return line.ljust(width)


def _ticks(window: Span, zone: tzinfo, width: int) -> Iterator[tuple[datetime, str]]:
    """Candidates: the beginning, then every midnight, or rounder hours the shorter it is."""
    step = next((step for step in _STEPS if window.duration / step * 7 < width), _DAY)
    label = "%a %d" if step == _DAY else "%H:%M"
    start = window.start.astimezone(zone)
    yield window.start, start.strftime("%a %d" if step == _DAY else "%H:%M")
    hours = step // timedelta(hours=1)
    day = start.date()
    while datetime.combine(day, time(), zone) < window.end:
        for hour in range(0, 24, hours):
            at = datetime.combine(day, time(hour), zone)
            if window.start < at < window.end:
                yield at, at.strftime(label if hour else "%a %d")
        day += _DAY


# ---- words


def _moment(at: datetime) -> str:
    return f"{at:%a %d %b %H:%M}"


def _length(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 1:
        return f"{length.total_seconds():.0f} s"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
