"""Arithmetic with stretches of time: what was known, who was online, and how many.

Moments are whole numbers, stretches half-open pairs of them.  Nothing here knows a file or a
time zone.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from .schema import OFFLINE, ONLINE, UNKNOWN

__all__ = ["gaps", "headcounts", "merge", "overlap", "pieces", "samples", "total"]

Stretch = tuple[int, int]
Piece = tuple[int, int, int]  # from, until, status
Change = tuple[int, int]  # at, status


def merge(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Sorted stretches, those that touch as one; empty ones are none."""
    merged: list[Stretch] = []
    for start, end in stretches:
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def overlap(stretches: Iterable[Stretch], since: int, until: int) -> list[Stretch]:
    """The parts of sorted stretches that lie between two moments."""
    return merge((max(start, since), min(end, until)) for start, end in stretches)


def gaps(known: Iterable[Stretch], since: int, until: int) -> list[Stretch]:
    """What sorted stretches leave of the time between two moments."""
    left = []
    for start, end in overlap(known, since, until):
        left.append((since, start))
        since = end
    return merge([*left, (since, until)])


def pieces(
    changes: Sequence[Change], known: Iterable[Stretch], since: int, until: int
) -> list[Piece]:
    """One user's time between two moments, without holes: offline until the first change, and
    unknown wherever nothing was known.  `changes` are in order; those before `since` count."""
    found: list[Piece] = []

    def add(start: int, end: int, status: int) -> None:
        if start >= end:
            return
        if found and found[-1][2] == status:
            found[-1] = (found[-1][0], end, status)
        else:
            found.append((start, end, status))

    reached = since
    for start, end in overlap(known, since, until):
        add(reached, start, UNKNOWN)
        for piece in _between(changes, start, end):
            add(*piece)
        reached = end
    add(reached, until, UNKNOWN)
    return found


def _between(changes: Sequence[Change], start: int, end: int) -> Iterator[Piece]:
    """The statuses from start to end, all of it known."""
    next_one = bisect_right(changes, start, key=lambda change: change[0])
    status = changes[next_one - 1][1] if next_one else OFFLINE
    for at, later in changes[next_one:]:
        if at >= end:
            break
        yield start, at, status
        start, status = at, later
    yield start, end, status


def total(stretches: Sequence[Stretch], since: int, until: int) -> int:
    """How much of sorted stretches lies between two moments."""
    first = bisect_right(stretches, since, key=lambda stretch: stretch[1])
    length = 0
    for start, end in stretches[first:]:
        if start >= until:
            break
        length += min(end, until) - max(start, since)
    return length


def headcounts(
    everybody: Iterable[Sequence[Piece]], known: Iterable[Stretch], since: int, until: int
) -> Iterator[tuple[int, int, int | None]]:
    """How many were online from when until when, without holes; None where nothing was known."""
    steps: Counter[int] = Counter()
    for own in everybody:
        for start, end, status in own:
            if status == ONLINE:
                steps[start] += 1
                steps[end] -= 1
    known = overlap(known, since, until)
    edges = {since, until, *(edge for stretch in known for edge in stretch)}
    moments = sorted(edges | {at for at, step in steps.items() if step})
    latest: tuple[int, int, int | None] | None = None
    online = 0
    for start, end in pairwise(moments):
        online += steps[start]
        count = online if total(known, start, end) else None
        if latest is not None and latest[2] == count:
            latest = (latest[0], end, count)
            continue
        if latest is not None:
            yield latest
        latest = (start, end, count)
    if latest is not None:
        yield latest


def samples(
    counts: Iterable[tuple[int, int, int | None]], step: int
) -> Iterator[tuple[int, int, int | None]]:
    """Of headcounts without holes one for each step: what was at its beginning."""
    at: int | None = None
    latest: tuple[int, int | None] | None = None  # begun, and not told yet
    last = 0
    for start, end, count in counts:
        at = start if at is None else at
        while at < end:
            if latest is not None:
                yield latest[0], at, latest[1]
            latest = (at, count)
            at += step
        last = end
    if latest is not None:
        yield latest[0], last, latest[1]
