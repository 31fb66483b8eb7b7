"""One WebSocket as the server sees it: who is behind it, what it asked for, how to write to it."""

import asyncio
import socket
import struct
from typing import Any, Literal

from .frames import close_frame, text_frame
from .journal import Journal
from .users import User
from .wire import dumps

Scope = Literal["NONE", "ALL_USERS", "ROLES", "FRIENDS"]

# A reader this far behind is cut off: one slow client must not fill the emulator's memory.
MAX_UNREAD = 4 * 1024 * 1024

# With so many bytes unread a reader is behind.  What is new then waits here, the latest of each
# user, and is sent as the reader catches up; who does not is cut off.
BEHIND = 256 * 1024
LONGEST_BEHIND = 10.0  # seconds
_LOOK_AGAIN = 0.1  # seconds

# How long a client may take to answer our close frame before the TCP connection is closed.
CLOSE_GRACE = 1.0


class Connection:
    def __init__(self, number: int, transport: asyncio.Transport, journal: Journal) -> None:
        self.number = number
        self.transport = transport
        self.user: User | None = None  # set once authenticated
        self.session: str = ""  # the client's session id, the deviceId of its frames
        self.scope: Scope = "NONE"
        self.roles: frozenset[str] = frozenset()
        self.details: dict[str, Any] = {}  # what the client told of itself, for webhooks
        self.closed_by: Literal["client", "server"] | None = None
        self.close_code: int | None = None
        self._waiting: dict[str, bytes] = {}  # for a reader that is behind, by uid
        self._journal = journal

    @property
    def is_live(self) -> bool:
        """Authenticated, and nobody has begun to close it."""
        return self.user is not None and self.closed_by is None

    def admit(self, user: User, session: str, scope: Scope, roles: frozenset[str]) -> None:
        self.user, self.session, self.scope, self.roles = user, session, scope, roles

    def wants(self, user: User) -> bool:
        """Does the presence subscription cover `user`?

        Our choice: ROLES without a list (the v3 SDK never sends one) covers nobody; a user is not
        among their own friends.  Roles are compared in lower case, which is how they are kept.
        """
        match self.scope:
            case "ALL_USERS":
                return True
            case "ROLES":
                return user.role in self.roles
            case "FRIENDS":
                return self.user is not None and self.user.is_friend_of(user)
            case _:
                return False

    def send(self, frame: dict[str, Any]) -> None:
        self.write(text_frame(dumps(frame)))
        self._journal.write(
            "out",
            "ws",
            sockets=[self.number],
            type=frame.get("type") or frame.get("action"),
            frame=frame,
        )

    def write(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(data)
        if self._unread > MAX_UNREAD:
            self._cut_slow_reader()

    def tell(self, uid: str, data: bytes) -> None:
        """Write news of a user, or for a slow reader only the latest of it."""
        if not self._waiting and self._unread <= BEHIND:
            self.write(data)
            return
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_later(_LOOK_AGAIN, self._catch_up, loop.time() + LONGEST_BEHIND)
        self._waiting.pop(uid, None)  # to the end: it is the latest of all
        self._waiting[uid] = data

    @property
    def _unread(self) -> int:
        return self.transport.get_write_buffer_size()

    def _catch_up(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        while self.is_live and self._waiting and self._unread <= BEHIND:
            self.write(self._waiting.pop(next(iter(self._waiting))))
        if not self.is_live:
            self._waiting.clear()
        elif self._waiting and loop.time() >= deadline:
            self._cut_slow_reader()
        elif self._waiting:
            loop.call_later(_LOOK_AGAIN, self._catch_up, deadline)

    def _cut_slow_reader(self) -> None:
        self._waiting.clear()
        self._journal.write("out", "lifecycle", event="slow_reader", socket=self.number)
        self.reset()

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake.  Never waits; the peer has CLOSE_GRACE to answer."""
        if self._begin_to_close(code=code, reason=reason, clean=True):
            self.write(close_frame(code, reason))
            asyncio.get_running_loop().call_later(CLOSE_GRACE, self.transport.abort)

    def cut(self) -> None:
        """End the TCP connection without a close frame; the client sees 1006."""
        self._begin_to_close(code=1006, reason="", clean=False)
        self.transport.close()

    def reset(self) -> None:
        """End it with an RST, whatever was still on its way."""
        self._begin_to_close(code=1006, reason="reset", clean=False)
        reset(self.transport)

    def _begin_to_close(self, *, code: int, reason: str, clean: bool) -> bool:
        if self.closed_by is not None:
            return False
        self.closed_by = "server"
        self.close_code = code
        self._journal.write(
            "out",
            "lifecycle",
            event="socket_closing",
            socket=self.number,
            code=code,
            reason=reason,
            clean=clean,
        )
        return True


def reset(transport: asyncio.Transport) -> None:
    """Close with an RST: a lingering time of zero throws away what is unsent."""
    linger_not(transport.get_extra_info("socket"))
    transport.abort()


def linger_not(sock: Any) -> None:
    if sock is not None and sock.fileno() != -1:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
