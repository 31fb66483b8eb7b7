"""Who is online and why, and who is told (PROTOCOL §7)."""

from itertools import count

from .clock import Clock
from .connection import Connection
from .delivery import Delivery
from .faults import Faults
from .journal import Journal
from .users import Directory, User
from .wire import presence_frame


class Presence:
    """Online while a socket is open, or while set_online() holds the user there.

    Our choice: online with the first socket, offline at once when the last one goes.  set_offline()
    shows a user as offline even if sockets are open, until the next one opens.
    """

    def __init__(
        self,
        app_id: str,
        users: Directory,
        clock: Clock,
        delivery: Delivery,
        faults: Faults,
        journal: Journal,
    ) -> None:
        self.open: dict[int, Connection] = {}  # every WebSocket, authenticated or not
        self.live_count: int = 0  # authenticated ones; a plain number, since other threads read it
        self._of_uid: dict[str, set[Connection]] = {}  # the live ones, by user
        self._numbers = count(1)
        self._app_id = app_id
        self._users = users
        self._clock = clock
        self._delivery = delivery
        self._faults = faults
        self._journal = journal

    def next_number(self) -> int:
        return next(self._numbers)

    def live(self) -> list[Connection]:
        return [connection for connection in self.open.values() if connection.is_live]

    def sockets_of(self, user: User) -> list[Connection]:
        return list(self._of_uid.get(user.uid, ()))

    def has_socket(self, user: User) -> bool:
        return bool(self._of_uid.get(user.uid))

    def joined(self, connection: Connection, user: User) -> None:
        """`connection` has just authenticated as `user`."""
        self._of_uid.setdefault(user.uid, set()).add(connection)
        self.live_count += 1
        self._journal.write(
            "in",
            "lifecycle",
            event="socket_authenticated",
            socket=connection.number,
            uid=user.uid,
            session=connection.session,
            scope=connection.scope,
            roles=sorted(connection.roles),
        )
        self._move(user, online=True, session=connection.session)

    def left(self, *connections: Connection) -> None:
        """All of them out first, so that none is told about another one's going."""
        gone = [self.open.pop(connection.number, None) for connection in connections]
        last_sessions: dict[str, str] = {}
        for connection in filter(None, gone):
            if (user := connection.user) is not None:
                self._of_uid[user.uid].discard(connection)
                self.live_count -= 1
                last_sessions[user.uid] = connection.session
        for uid, session in last_sessions.items():
            user = self._users.find(uid)
            if not self._of_uid[uid]:
                del self._of_uid[uid]
                if user is not None and not user.held:
                    self._move(user, online=False, session=session)

    def hold_online(self, uid: str, at: int | None = None) -> None:
        user = self._users.get(uid)
        user.held = True
        self._move(user, online=True, session=f"EMULATOR-{user.uid}", at=at)

    def send_offline(self, uid: str, at: int | None = None) -> None:
        user = self._users.get(uid)
        user.held = False
        self._move(user, online=False, session=f"EMULATOR-{user.uid}", at=at)

    def _move(self, user: User, *, online: bool, session: str, at: int | None = None) -> None:
        if user.online == online:
            return
        timestamp = self._clock.seconds() if at is None else at
        user.online = online
        frame = presence_frame(self._app_id, user, timestamp, session)
        user.last_active_at = timestamp
        self._journal.write(
            "in",
            "lifecycle",
            event="user_online" if online else "user_offline",
            uid=user.uid,
            at=timestamp,
        )
        if self._over_cap():
            self._faults.strike("cap_presence")
            return
        wanted = [connection for connection in self.live() if connection.wants(user)]
        self._delivery.send(frame, wanted)

    def _over_cap(self) -> bool:
        """The platform's cap.  Our choice of whose events stop beyond it: everybody's."""
        cap = self._faults.find("cap_presence")
        return cap is not None and len(self._users.online()) > cap.settings["limit"]
