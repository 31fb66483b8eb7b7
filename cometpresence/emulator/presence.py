"""Who is online and why, and who is told (PROTOCOL §7)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from .clock import Clock
from .connection import Connection
from .delivery import Delivery
from .faults import Faults, is_whole
from .journal import Journal
from .refusal import bad_request
from .users import Directory, User
from .wire import presence_frame


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """A device of a user's connected or went; one moved without a socket counts as a device."""

    user: User  # as it is now
    connected: bool
    presence_changed: bool  # False: another device is, or was, connected too
    at: int  # Unix seconds
    details: dict[str, Any]  # what the client told of itself


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
        self.report: Callable[[ConnectionChange], None] = lambda change: None

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
        changed = self._move(user, online=True, session=connection.session)
        self._report(user, changed=changed, connection=connection)

    def left(self, *connections: Connection) -> None:
        """All of them out first, so that none is told about another one's going."""
        gone = [self.open.pop(connection.number, None) for connection in connections]
        last: dict[str, Connection] = {}
        for connection in filter(None, gone):
            if (user := connection.user) is not None:
                self._of_uid[user.uid].discard(connection)
                self.live_count -= 1
                if user.uid in last:
                    self._report(user, changed=False, connection=last[user.uid], connected=False)
                last[user.uid] = connection
        for uid, connection in last.items():
            user = self._users.find(uid)
            changed = False
            if not self._of_uid[uid]:
                del self._of_uid[uid]
                if user is not None and not user.held:
                    changed = self._move(user, online=False, session=connection.session)
            if user is not None:
                self._report(user, changed=changed, connection=connection, connected=False)

    def hold_online(self, uid: str, at: int | None = None) -> None:
        self._hold(uid, at, online=True)

    def send_offline(self, uid: str, at: int | None = None) -> None:
        self._hold(uid, at, online=False)

    def assume(self, user: User, *, online: bool, at: int) -> None:
        """As if told already: a replay has frames of its own."""
        user.online = user.held = online
        user.last_active_at = at
        self._users.changed(user)

    def _hold(self, uid: str, at: int | None, *, online: bool) -> None:
        if at is not None and not is_whole(at):
            raise bad_request("at must be a whole number of Unix seconds")
        user = self._users.get(uid)
        if online and user.deactivated_at:
            raise bad_request(f"{user.uid} is deactivated and cannot be online")
        user.held = online
        if self._move(user, online=online, session=f"EMULATOR-{user.uid}", at=at):
            self._report(user, changed=True)

    def _report(
        self,
        user: User,
        *,
        changed: bool,
        connection: Connection | None = None,
        connected: bool | None = None,
    ) -> None:
        self.report(
            ConnectionChange(
                user=user,
                connected=user.online if connected is None else connected,
                presence_changed=changed,
                at=user.last_active_at if changed else self._clock.seconds(),
                details={} if connection is None else connection.details,
            )
        )

    def _move(self, user: User, *, online: bool, session: str, at: int | None = None) -> bool:
        """False if there was nothing to move."""
        if user.online == online:
            return False
        timestamp = self._clock.seconds() if at is None else at
        user.online = online
        frame = presence_frame(self._app_id, user, timestamp, session)
        user.last_active_at = timestamp
        self._users.changed(user)
        self._journal.write(
            "in",
            "lifecycle",
            event="user_online" if online else "user_offline",
            uid=user.uid,
            at=timestamp,
        )
        if self._over_cap():
            self._faults.strike("cap_presence")
            return True
        wanted = [connection for connection in self.live() if connection.wants(user)]
        self._delivery.send(frame, wanted)
        return True

    def _over_cap(self) -> bool:
        """The platform's cap.  Our choice of whose events stop beyond it: everybody's."""
        cap = self._faults.find("cap_presence")
        return cap is not None and len(self._users.online()) > cap.settings["limit"]
