"""What a history answers with."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from ..errors import ConfigError
from ..values import UserStatus

__all__ = ["Headcount", "OnlineTime", "Session", "Shift", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, from ``start`` to ``end``; both know their time zone."""

    start: datetime
    end: datetime

    @property
    def duration(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch in which the user ``uid`` was online, or of which nobody knows.

    Whatever lies between the sessions of a user is known to be offline.
    """

    uid: str
    name: str
    """As it was at last; "" when the server sent none."""
    status: UserStatus
    """ONLINE or UNKNOWN."""
    start: datetime
    """In UTC, as ``end``."""
    end: datetime | None
    """None: it had not ended when the recording did, or when the file was read."""

    @property
    def duration(self) -> timedelta | None:
        """How long it is; None while it has not ended."""
        return None if self.end is None else self.end - self.start


@dataclass(frozen=True, slots=True)
class Shift:
    """Working hours, from ``begins`` to ``ends`` by the clock on the wall, and their ``name``.

    One that does not end after it begins ends on the next day: ``Shift("night", time(22), time(6))``.
    """

    name: str
    begins: time
    ends: time

    def __post_init__(self) -> None:
        for value in (self.begins, self.ends):
            if not isinstance(value, time) or value.tzinfo is not None:
                raise ConfigError(
                    "INVALID_PARAMETER",
                    f"A shift begins and ends at a time without a zone, such as time(22), "
                    f"not {value!r}.",
                )


@dataclass(frozen=True, slots=True)
class OnlineTime:
    """How long the user ``uid`` was ``online`` in a day or a shift, and how long is ``unknown``.

    It lasts from ``start`` to ``end``; the rest of it they were offline.
    """

    uid: str
    name: str
    """As it was at last; "" when the server sent none."""
    day: date
    """The day on which it begins, in the time zone that was asked for."""
    shift: str | None
    """None: the whole day."""
    start: datetime
    end: datetime
    online: timedelta
    unknown: timedelta


@dataclass(frozen=True, slots=True)
class Headcount:
    """How many were ``online`` from ``start`` to ``end``; None: nobody knows."""

    start: datetime
    end: datetime
    online: int | None
