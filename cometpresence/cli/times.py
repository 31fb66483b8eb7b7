"""Times and time zones as people type them."""

import math
import os
import re
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

__all__ = ["Seconds", "duration", "local_zone", "moment"]

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})")


class Seconds(click.FloatRange):
    """A number of seconds, which infinity and "nan" are not; above 0, unless told otherwise."""

    name = "seconds"

    def __init__(self, least: float | None = None, most: float | None = None) -> None:
        super().__init__(least or 0, most, min_open=least is None)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


def duration(text: str) -> timedelta:
    """``90min``, ``8h``, ``30d`` or ``2w``."""
    if (match := _DURATION.fullmatch(text.strip())) is None:
        raise click.BadParameter(f"{text!r} is no length of time; one is 90min, 8h, 30d or 2w.")
    try:
        length = timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise click.BadParameter(f"{text!r} is too long.") from None
    if not length:
        raise click.BadParameter(f"{text!r} is no time at all.")
    return length


def moment(text: str, zone: tzinfo) -> datetime:
    """``today``, ``yesterday``, ``now``, ``7d`` for a week ago, or a date with a time or without."""
    text = text.strip()
    now = datetime.now(zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if text in named:
        return named[text]
    if _DURATION.fullmatch(text):
        try:
            return now - duration(text)
        except OverflowError:
            raise click.BadParameter(f"{text!r} is too long ago.") from None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; one is today, yesterday, 7d (ago), 2026-05-31 or "
            "2026-05-31T08:00."
        ) from None
    if not 1970 <= given.year < 9999:  # at its edges the calendar has no room for time zones
        raise click.BadParameter(f"{text!r}: no recording is of that time.")
    return given.replace(tzinfo=zone) if given.tzinfo is None else given


def local_zone() -> tzinfo:
    """The zone of this machine, with its rules where they can be found."""
    for name in (os.environ.get("TZ", "").lstrip(":"), *_configured()):
        try:
            if name:
                return ZoneInfo(name)
        except (OSError, ValueError, ZoneInfoNotFoundError):
            continue
    here = datetime.now().astimezone().tzinfo
    assert here is not None
    return here


def _configured() -> list[str]:
    link = os.path.realpath("/etc/localtime")
    name = Path("/etc/timezone")
    return [
        link.partition("/zoneinfo/")[2],
        name.read_text(encoding="ascii", errors="replace").strip() if name.is_file() else "",
    ]
