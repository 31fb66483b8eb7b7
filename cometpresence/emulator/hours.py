"""Hours of the week in a time zone, and what they are on the clock: ``9-17`` on weekdays."""

import random
import re
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import chain, pairwise
from typing import NamedTuple

from .clock import MICROSECONDS

DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = frozenset(range(7))
_GROUPS = {
    "every day": EVERY_DAY,
    "weekdays": frozenset(range(5)),
    "weekends": frozenset({5, 6}),
}
_DAY = 24 * 60  # minutes
_WEEK = 7 * _DAY
_TIME = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?", re.ASCII)
_DASH = "[-\N{EN DASH}]"
_SHORTEST_GAP, _LONGEST_GAP = 5.0, 30.0  # seconds that a flapping connection is gone


class Span(NamedTuple):
    """From one moment until another."""

    begin: int
    end: int


def read_days(words: Collection[str]) -> frozenset[int] | None:
    """Monday is 0; None if a word is neither a group of days nor the beginning of one's name."""
    found: set[int] = set()
    for word in map(str.lower, words):
        days = [number for number, name in enumerate(DAY_NAMES) if name.startswith(word)]
        if word not in _GROUPS and (len(word) < 3 or not days):
            return None
        found |= _GROUPS.get(word, frozenset(days))
    return frozenset(found)


def read_time(text: str) -> int | None:
    """Minutes of the day: ``9``, ``9:30``, and ``24`` as the end of it; None if it is no time."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    return hour * 60 + minute if minute < 60 and hour * 60 + minute <= _DAY else None


def read_hours(text: str) -> Span | None:
    """Minutes of the day of its beginning; ``22-6`` ends on the next.  None if it is no such."""
    times = [read_time(word.strip()) for word in re.split(_DASH, text)]
    if len(times) != 2 or times[0] is None or times[1] is None or times[0] in (times[1], _DAY):
        return None
    return Span(times[0], times[1] if times[1] > times[0] else times[1] + _DAY)


class Week(NamedTuple):
    """The same hours on some days of each week."""

    hours: tuple[Span, ...]
    days: frozenset[int]

    def shifts(self, zone: tzinfo, after: int) -> Iterator[Span]:
        """In microseconds of Unix time: the one that is on then, if one is, and all to come.

        Where a clock change leaves nothing of one, it is left out.
        """
        for day in _days(self.days, zone, after):
            for begin, end in sorted(self.hours):
                shift = Span(moment(day, begin, zone), moment(day, end, zone))
                if shift.end > max(after, shift.begin):
                    yield shift

    def spans(self) -> list[Span]:
        """All in minutes of the week; what goes beyond its end is continued at its beginning."""
        spans = [
            Span(day * _DAY + begin, day * _DAY + end)
            for day in self.days
            for begin, end in self.hours
        ]
        over = [Span(0, end - _WEEK) for _, end in spans if end > _WEEK]
        return [Span(begin, min(end, _WEEK)) for begin, end in spans] + over


def overlap(*weeks: Week) -> str | None:
    """When two of their hours are at once, as people say it; None if they never are."""
    spans = sorted(chain.from_iterable(week.spans() for week in weeks))
    for earlier, later in pairwise(spans):
        if later.begin < earlier.end:
            day, minute = divmod(later.begin, _DAY)
            return f"{DAY_NAMES[day].title()} {minute // 60}:{minute % 60:02}"
    return None


def daily(at: int, days: frozenset[int], zone: tzinfo, after: int) -> Iterator[int]:
    """That minute of each of the days, in microseconds of Unix time, from `after` on."""
    moments = (moment(day, at, zone) for day in _days(days, zone, after))
    return (each for each in moments if each >= after)


def moment(day: date, minute: int, zone: tzinfo) -> int:
    """A minute of a day by the clock on the wall there, in microseconds of Unix time."""
    midnight = datetime.combine(day, time())
    return micros((midnight + timedelta(minutes=minute)).replace(tzinfo=zone))


def micros(at: datetime) -> int:
    return int(at.replace(microsecond=0).timestamp()) * MICROSECONDS + at.microsecond


def flaps(rng: random.Random, share: float, span: Span) -> Iterator[Span]:
    """When a connection is gone that is lost in that share of all minutes, in microseconds."""
    back = span.begin
    while True:
        gone = back + round(rng.expovariate(share / 60) * MICROSECONDS)
        back = gone + round(rng.uniform(_SHORTEST_GAP, _LONGEST_GAP) * MICROSECONDS)
        if back >= span.end:
            return
        yield Span(gone, back)


def _days(days: frozenset[int], zone: tzinfo, after: int) -> Iterator[date]:
    """From the one before on, whose night may not be over."""
    day = datetime.fromtimestamp(after / MICROSECONDS, zone).date() - timedelta(days=1)
    while day < date.max - timedelta(days=2):
        if day.weekday() in days:
            yield day
        day += timedelta(days=1)
