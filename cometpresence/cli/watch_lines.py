"""What ``watch`` prints for programs: a line of JSON for each event."""

import errno
import os

from .. import (
    CometChatException,
    Disconnect,
    PresenceClient,
    PresenceEvent,
    SyncReport,
    User,
)
from .output import about, reader_is_gone, write_line

__all__ = ["Lines"]


class Lines:
    """Handlers only note what to print: what they raise would be taken for a handler's error."""

    def __init__(self) -> None:
        self._lines: list[dict[str, object]] = []

    def begin(self, client: PresenceClient, users: list[User]) -> None:
        pass

    def presence(self, event: PresenceEvent) -> None:
        user = event.user
        self._note(
            user.status.value,
            **about(user),
            origin=event.origin.name.lower(),
            at=event.at.isoformat() if event.at else None,
            seq=event.seq,
        )

    def connecting(self, attempt: int, delay: float) -> None:
        self._note("connecting", attempt=attempt, delay=delay)

    def connected(self, generation: int) -> None:
        self._note("connected", generation=generation)

    def disconnected(self, how: Disconnect) -> None:
        self._note("disconnected", code=how.code, reason=how.reason, retry_in=how.retry_in)

    def synced(self, report: SyncReport) -> None:
        self._note("synced", online=report.online)

    def degraded(self, reason: str) -> None:
        self._note("degraded", reason=reason)

    def error(self, error: BaseException, where: str) -> None:
        code = error.code if isinstance(error, CometChatException) else type(error).__name__
        message = error.message if isinstance(error, CometChatException) else str(error)
        self._note("error", code=code, message=message, where=where)

    def refresh(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            write_line(line)
        if reader_is_gone():  # found out here, and not at the next event, hours later
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def end(self) -> None:
        pass

    def _note(self, event: str, **facts: object) -> None:
        self._lines.append({"event": event, **facts})
