"""A history at a glance: for tables and pictures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..values import UserStatus
from .history import PresenceHistory
from .records import Headcount, Session, Span

__all__ = ["Summary", "UserSummary", "summarize"]


@dataclass(frozen=True, slots=True)
class UserSummary:
    """One user's time: who, the stretches online, and those in which only they were unknown."""

    uid: str
    name: str
    online: Sequence[Span]
    unknown: Sequence[Span]
    total: timedelta
    is_online: bool
    """Whether the latest stretch has not ended."""

    @property
    def last_online(self) -> datetime | None:
        """None: never in this window."""
        return self.online[-1].end if self.online else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everybody's time, those who were online longest first."""

    window: Span
    users: Sequence[UserSummary]
    counts: Sequence[Headcount]
    gaps: Sequence[Span]
    known: timedelta
    """How much of the window somebody watched."""

    @property
    def peak(self) -> Headcount | None:
        """When most were online, for the first time; None: nothing is known."""
        known = [count for count in self.counts if count.online is not None]
        return max(known, key=lambda count: count.online or 0, default=None)


def summarize(
    history: PresenceHistory,
    uid: str | Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Summary | None:
    """What the file says of these users; None: nothing at all.

    Without `uid` those are left out who were not online in the window.
    """
    span = history.span
    if span is None:
        return None
    window = Span(since or span.start, until or max(span.end, since or span.end))
    gaps = history.gaps(since, until)
    own: dict[tuple[str, str], list[Session]] = {}
    for session in history.sessions(uid, since, until):
        own.setdefault((session.uid, session.name), []).append(session)
    users = [
        _user(*who, sessions, gaps, window.end)
        for who, sessions in own.items()
        if uid is not None or any(each.status is UserStatus.ONLINE for each in sessions)
    ]
    return Summary(
        window,
        sorted(users, key=lambda user: (-user.total, user.name.casefold(), user.uid)),
        history.concurrency(since, until, uid=uid),
        gaps,
        window.duration - sum((gap.duration for gap in gaps), timedelta()),
    )


def _user(
    uid: str, name: str, sessions: Sequence[Session], gaps: Sequence[Span], end: datetime
) -> UserSummary:
    everybodys = {(gap.start, gap.end) for gap in gaps}
    online, unknown = [], []
    for session in sessions:
        span = Span(session.start, session.end or end)
        if session.status is UserStatus.ONLINE:
            online.append(span)
        elif (span.start, span.end) not in everybodys:
            unknown.append(span)
    return UserSummary(
        *(uid, name, online, unknown),
        total=sum((span.duration for span in online), timedelta()),
        is_online=any(session.end is None for session in sessions),
    )
