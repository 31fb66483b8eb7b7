"""Moments as the file has them: whole microseconds since 1970, in UTC."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ConfigError

__all__ = ["SECOND", "as_datetime", "as_moment", "check_zone", "local_moment"]

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def as_moment(value: datetime, what: str) -> int:
    """`value`, which must know its time zone: a bare local time happens twice a year."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{what} must be a datetime with a time zone, such as datetime.now(UTC), not {value!r}.",
        )
    return (value - _EPOCH) // _TICK


def as_datetime(moment: int, zone: tzinfo = UTC) -> datetime:
    """The moment in a time zone."""
    return (_EPOCH + moment * _TICK).astimezone(zone)


def local_moment(day: date, clock: time, zone: tzinfo) -> int:
    """When the clocks of `zone` show this; the first time, where they show it twice.

    A time they skip is what they would have shown without skipping, so a day that begins with a
    skipped hour begins at the skip.
    """
    return (datetime.combine(day, clock, zone) - _EPOCH) // _TICK


def check_zone(zone: str | tzinfo) -> tzinfo:
    """`zone`, or the zone of this name, such as "Europe/Berlin"."""
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError, TypeError, ValueError) as error:
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{zone!r} is no time zone known here; a name is such as 'Europe/Berlin' or 'UTC' "
            "(where the system has no zones: pip install tzdata).",
        ) from error
