"""A picture of a history: a bar for each user's time online, and how many there were at once.

Needs matplotlib (extra ``report``), which nothing else here does.
"""

import warnings
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .records import Headcount, Span
from .summary import Summary, UserSummary

__all__ = ["FORMATS", "draw"]

INK, FAINT, PAPER = "#1f2933", "#7b8794", "#ffffff"
ONLINE, LANE, RULE = "#12876f", "#f3f5f7", "#e1e5ea"
HATCHED: dict[str, Any] = {
    "facecolor": "#faf7f2",
    "edgecolor": "#cdbfa9",
    "hatch": "/////",
    "linewidth": 0,
}
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "hatch.linewidth": 0.7,
    "svg.hashsalt": "cometpresence",
    "text.color": INK,
}

OTHER_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji"),
)

WIDTH, LANE_HEIGHT, CURVE_HEIGHT = 11.0, 0.32, 1.7  # inches
ABOVE, BELOW, BETWEEN = 0.85, 0.42, 0.35
LEFT, RIGHT = 1.85, 1.0
DPI = 150
LONGEST_NAME = 22

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""How a file's name may end, and what is left out of it."""


def draw(summary: Summary, path: Path, zone: tzinfo, title: str, most: int) -> None:
    """Draw at most so many users into a file, whose name says the format, one of FORMATS."""
    users = summary.users[:most]
    lanes_height = max(1, len(users)) * LANE_HEIGHT
    height = ABOVE + lanes_height + BETWEEN + CURVE_HEIGHT + BELOW
    style = {**STYLE, "font.family": _families()}
    with rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # it draws a box
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=PAPER)
        left, width = LEFT / WIDTH, (WIDTH - LEFT - RIGHT) / WIDTH
        bottom = BELOW / height
        curve = figure.add_axes((left, bottom, width, CURVE_HEIGHT / height))
        bottom += (CURVE_HEIGHT + BETWEEN) / height
        lanes = figure.add_axes((left, bottom, width, lanes_height / height), sharex=curve)
        _draw_lanes(lanes, summary, users)
        _draw_curve(curve, summary, zone)
        _label(figure, title, _note(summary, len(users), zone), height)
        # Without dates and versions: the same history, the same bytes.
        figure.savefig(path, metadata=FORMATS[path.suffix.lower()])


def _note(summary: Summary, shown: int, zone: tzinfo) -> str:
    """What is to be known about the picture as a whole."""
    start, end = (at.astimezone(zone) for at in (summary.window.start, summary.window.end))
    facts = [f"{start:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M} {end:%Z}"]
    if shown < len(summary.users):
        facts.append(f"{shown} of {len(summary.users)} users, those online longest")
    if summary.gaps:
        facts.append(f"{summary.known / summary.window.duration:.1%} of it known")
    return "   ·   ".join(facts)


# ---- the upper part: who


def _draw_lanes(axes: Axes, summary: Summary, users: Sequence[UserSummary]) -> None:
    axes.set_ylim(max(1, len(users)) - 0.5, -0.5)  # the first one on top
    for row, user in enumerate(users):
        _bars(axes, row, [summary.window], facecolors=LANE, zorder=1)
        # The edge is so that a minute shows in a month.
        _bars(axes, row, user.online, facecolors=ONLINE, edgecolors=ONLINE, linewidth=0.6, zorder=4)
        _bars(axes, row, user.unknown, **HATCHED, zorder=3)
        _beside(axes, 0, row, _shown(user.name or user.uid), INK, "right")
        _beside(axes, 1, row, _hours(user.total), FAINT, "left")
    _draw_gaps(axes, summary.gaps)
    _plain(axes)
    axes.tick_params(bottom=False, labelbottom=False, left=False, labelleft=False)
    axes.grid(axis="x", color=RULE, linewidth=0.6, zorder=2)


def _bars(axes: Axes, row: int, spans: Sequence[Span], **style: Any) -> None:
    axes.broken_barh([_ends(span) for span in spans], (row - 0.34, 0.68), **style)


def _beside(axes: Axes, x: float, row: int, text: str, color: str, side: str) -> None:
    """Text at the left or the right of a lane; names may hold dollars and no formulas."""
    axes.annotate(
        text,
        (x, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-8 if side == "right" else 8, 0),
        textcoords="offset points",
        ha=side,
        va="center",
        color=color,
        annotation_clip=False,
        parse_math=False,
    )


# ---- the lower part: how many


def _draw_curve(axes: Axes, summary: Summary, zone: tzinfo) -> None:
    highest = max((count.online or 0 for count in summary.counts), default=0)
    for values, edges in _runs(summary.counts):
        axes.stairs(values, edges, fill=True, color=ONLINE, alpha=0.16, zorder=3)
        axes.stairs(values, edges, baseline=None, color=ONLINE, linewidth=1.3, zorder=4)
    _draw_gaps(axes, summary.gaps)
    _plain(axes)
    axes.set_ylim(0, max(1, highest) * 1.15)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _show_time(axes, summary.window, zone)
    axes.tick_params(colors=FAINT, length=0, pad=6, labelsize=8.5)
    axes.grid(color=RULE, linewidth=0.6, zorder=2)
    axes.annotate(
        "online at once",
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 5),
        textcoords="offset points",
        color=FAINT,
    )


def _show_time(axes: Axes, window: Span, zone: tzinfo) -> None:
    locator = AutoDateLocator(tz=zone, minticks=5, maxticks=12)
    day, minute = "%d %b" if window.duration > timedelta(days=10) else "%a %d %b", "%H:%M"
    formatter = ConciseDateFormatter(
        locator,
        tz=zone,
        show_offset=False,
        # Of years, months, days, hours, minutes and seconds; and of those that begin a larger one.
        formats=["%Y", "%b %Y", day, minute, minute, "%H:%M:%S"],
        zero_formats=["%Y", "%Y", day, day, minute, minute],
    )
    axes.set_xlim(window.start, window.end)  # type: ignore[arg-type]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _runs(counts: Sequence[Headcount]) -> list[tuple[list[int], list[float]]]:
    """Numbers and the edges between them, for each stretch in which they are known."""
    runs: list[tuple[list[int], list[float]]] = []
    is_known = False
    for count in counts:
        if count.online is not None:
            if not is_known:
                runs.append(([], [_number(count.start)]))
            runs[-1][0].append(count.online)
            runs[-1][1].append(_number(count.end))
        is_known = count.online is not None
    return runs


# ---- around both


def _draw_gaps(axes: Axes, gaps: Sequence[Span]) -> None:
    for gap in gaps:
        axes.axvspan(
            gap.start,  # type: ignore[arg-type]
            gap.end,  # type: ignore[arg-type]
            **HATCHED,
            zorder=2.5,
        )


def _label(figure: Figure, title: str, note: str, height: float) -> None:
    top = 1 - 0.32 / height
    left = LEFT / WIDTH
    figure.text(left, top, title, fontsize=14, fontweight="bold", va="center", parse_math=False)
    figure.text(left, top - 0.27 / height, note, color=FAINT, va="center", parse_math=False)
    figure.legend(
        handles=[
            Patch(color=ONLINE, label="online"),
            Patch(facecolor=LANE, edgecolor=RULE, label="offline"),
            Patch(**HATCHED, label="not known"),
        ],
        loc="upper right",
        bbox_to_anchor=(1 - RIGHT / WIDTH, 1 - 0.2 / height),
        borderaxespad=0,
        ncol=3,
        frameon=False,
        handlelength=1.4,
        columnspacing=1.4,
        labelcolor=FAINT,
    )


def _plain(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _number(moment: datetime) -> float:
    return float(date2num(moment))


def _ends(span: Span) -> tuple[float, float]:
    return _number(span.start), _number(span.end) - _number(span.start)


def _shown(name: str) -> str:
    """A name a stranger chose, on one short line."""
    clean = "".join(char if char.isprintable() else "\ufffd" for char in name)
    ends = [*accumulate(2 if east_asian_width(char) in "WF" else 1 for char in clean)]
    fits = bisect_right(ends, LONGEST_NAME)
    return clean if fits == len(clean) else f"{clean[:fits]}…"


def _families() -> list[str]:
    """The font that comes with matplotlib, so that pictures are the same everywhere, and after it
    those of this machine that know other scripts."""
    there = set(get_font_names())
    return ["DejaVu Sans", *(name for name in OTHER_FONTS if name in there)]


def _hours(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 100 else f"{hours} h"
