"""Who is online, as far as a client knows: read-only views over the core's roster."""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, Set, ValuesView
from typing import TYPE_CHECKING, Final, TypeVar, overload

from .errors import OutOfSync
from .values import SyncState, UserStatus

if TYPE_CHECKING:
    from ._core import Client, User

__all__ = ["PresenceView"]

_T = TypeVar("_T")

_ONLINE: Final = UserStatus.ONLINE  # found faster here than in its class

_BATCH = 256  # the core copies at most this many under its lock


class PresenceView(Mapping[str, "User"]):
    """Everyone the client has heard of, by uid: a live, read-only mapping.

    Look-ups cost the same however many users there are, and never wait for a listener or for the
    server.  Users who arrive during an iteration may be missed; none is seen twice.  Use it from
    any thread.
    """

    __slots__ = ("_core",)

    def __init__(self, core: "Client") -> None:
        self._core = core

    def __getitem__(self, uid: str) -> "User":
        user = self._core.find(uid) if isinstance(uid, str) else None
        if user is None:
            raise KeyError(uid)
        return user

    # Mapping's own would go by way of a KeyError.

    @overload
    def get(self, uid: str, default: None = None) -> "User | None": ...
    @overload
    def get(self, uid: str, default: "User") -> "User": ...
    @overload
    def get(self, uid: str, default: _T) -> "User | _T": ...
    def get(self, uid: str, default: object = None) -> object:
        """The user, or `default` when nobody is known by that uid."""
        user = self._core.find(uid) if isinstance(uid, str) else None
        return default if user is None else user

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, str) and self._core.find(uid) is not None

    def __len__(self) -> int:
        return self._core.count()

    def __iter__(self) -> Iterator[str]:
        return (user.uid for user in _walk(self._core, online_only=False))

    def values(self) -> "ValuesView[User]":
        """The users."""
        return _Users(self)

    def items(self) -> "ItemsView[str, User]":
        """Uids and users."""
        return _Items(self)

    @property
    def online(self) -> Set[str]:
        """The uids of those who are online, a live set view."""
        return OnlineView(self._core)

    @property
    def state(self) -> SyncState:
        """How far all this can be trusted; everything is last-known while it is not SYNCED."""
        return self._core.sync_state

    @property
    def generation(self) -> int:
        """Grows by one with each authenticated connection; 0 before the first."""
        return self._core.generation

    def status(self, uid: str) -> UserStatus:
        """ONLINE, OFFLINE or UNKNOWN.

        Somebody never heard of is OFFLINE only if everybody's presence is subscribed to and the
        state is SYNCED, else UNKNOWN.
        """
        return self._core.status(uid)

    def is_online(self, uid: str, *, exact: bool = False) -> bool:
        """Whether `uid` is online, as far as is known.

        `exact` raises OutOfSync unless the state is SYNCED.
        """
        if exact and (state := self.state) is not SyncState.SYNCED:
            raise OutOfSync(
                "OUT_OF_SYNC", f"The picture is {state.name}, not SYNCED; wait_synced() waits."
            )
        return self._core.status(uid) is _ONLINE

    def __repr__(self) -> str:
        return f"<PresenceView {self.state.name}: {len(self.online)} of {len(self)} online>"


class OnlineView(Set[str]):
    """The uids of those who are online."""

    __slots__ = ("_core",)

    def __init__(self, core: "Client") -> None:
        self._core = core

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, str) and self._core.status(uid) is _ONLINE

    def __len__(self) -> int:
        return self._core.online_count()

    def __iter__(self) -> Iterator[str]:
        return (user.uid for user in _walk(self._core, online_only=True))

    @classmethod
    def _from_iterable(cls, it: Iterable[_T]) -> Set[_T]:
        return frozenset(it)  # what & | - ^ make of a view

    def __repr__(self) -> str:
        return f"OnlineView({sorted(self)!r})"


class _Users(ValuesView["User"]):
    _mapping: PresenceView

    def __iter__(self) -> "Iterator[User]":
        return _walk(self._mapping._core, online_only=False)


class _Items(ItemsView[str, "User"]):
    _mapping: PresenceView

    def __iter__(self) -> "Iterator[tuple[str, User]]":
        return ((user.uid, user) for user in _walk(self._mapping._core, online_only=False))


def _walk(core: "Client", *, online_only: bool) -> "Iterator[User]":
    users, cursor = core.copy(0, online_only, _BATCH)
    while users:
        yield from users
        users, cursor = core.copy(cursor, online_only, _BATCH)
