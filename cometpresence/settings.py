"""What a client is made with: the app's settings, and how to reconnect and resynchronise."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Self

from ._aliases import with_documented_names
from ._arguments import check_flag, check_seconds, check_text, check_texts, warn
from .errors import ConfigError

__all__ = ["AppSettings", "AppSettingsBuilder", "PresenceScope", "Reconnect", "Resync"]

WATCHED_MAX = 1000
_UID = re.compile(r"[^\x00-\x20\x7f,]{1,100}")


@dataclass(frozen=True, slots=True, repr=False)
class PresenceScope:
    """Whose presence the server should push: everybody's, some roles', friends' or nobody's; and
    who is to be looked up besides.

    Made by the class methods, which mirror the three ``subscribePresence…`` methods of
    CometChat's AppSettingsBuilder, and by ``watching(…)``:

        PresenceClient(..., presence=PresenceScope.roles("teacher", "student"))
        PresenceClient(..., presence=PresenceScope.friends().watching(["superhero1"]))
    """

    subscription: Literal["none", "all_users", "roles", "friends"]
    """Which of the class methods made it."""
    role_names: tuple[str, ...] = ()
    """The roles of ``roles(…)``; empty for the others."""
    watched: tuple[str, ...] = ()
    """The uids of ``watching(…)``, lower-cased."""
    watched_every: float = 30.0
    """Seconds between two looks at them."""

    @classmethod
    def all_users(cls) -> Self:
        """Every user of the app."""
        return cls("all_users")

    @classmethod
    def roles(cls, *roles: str) -> Self:
        """Users who have one of these roles; at least one role is needed."""
        if not roles:
            raise ConfigError("MISSING_PARAMETERS", "The roles are missing.")
        return cls("roles", check_texts(roles, "roles"))

    @classmethod
    def friends(cls) -> Self:
        """The friends of the user who logs in."""
        return cls("friends")

    @classmethod
    def none(cls) -> Self:
        """Nobody: no presence is pushed, and user listeners are called only about whom
        ``watching(…)`` names."""
        return cls("none")

    def watching(self, uids: Collection[str], *, every: float = 30.0) -> Self:
        """This scope, and besides it these users, whoever they are: at most 1,000.

            PresenceScope.roles("support").watching(["alice", "bob"])

        The client asks the server about them by uid, 25 at a time: when it connects, in each
        comparison, and `every` so many seconds.  So they are known beyond the number of users up
        to which CometChat pushes presence, and outside the subscription, though up to `every`
        seconds late; what is found so has Origin.RESYNC (Origin.SNAPSHOT at first).  What is
        pushed about them is told at once, as ever.  Somebody who does not exist stays UNKNOWN,
        but to everybody's subscription, where whoever is not online counts as OFFLINE.

        Called again, it adds to those named before.  ConfigError for what can be no uid, and for
        too many.

        In CometChat's docs: "Retrieve Users", ``setUIDs``.
        """
        if (seconds := check_seconds(every, "every")) == 0:
            raise ConfigError("INVALID_PARAMETER", "every must be more than 0 seconds.")
        given = (uid.lower() for uid in check_texts(uids, "uids", "INVALID_UID"))
        watched = tuple(dict.fromkeys((*self.watched, *given)))
        if unusable := [uid for uid in watched if not _UID.fullmatch(uid)]:
            raise ConfigError("INVALID_UID", f"Nobody can have the uid {unusable[0]!r}.")
        if len(watched) > WATCHED_MAX:
            raise ConfigError(
                "ERROR_SET_UIDS_EXCEEDED",
                f"At most {WATCHED_MAX:,} users can be watched, not {len(watched):,}; "
                "subscribe to a role, or to everybody.",
            )
        return replace(self, watched=watched, watched_every=seconds)

    @property
    def is_empty(self) -> bool:
        """Whether it is about nobody, so that no event will come."""
        return self.subscription == "none" and not self.watched

    def __repr__(self) -> str:
        scope = f"PresenceScope.{self.subscription}({', '.join(map(repr, self.role_names))})"
        if not self.watched:
            return scope
        few = len(self.watched) <= 5
        return f"{scope}.watching({list(self.watched) if few else f'{len(self.watched)} uids'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """What AppSettingsBuilder builds, for CometChat.init() and PresenceClient."""

    region: str = ""
    """Where the app lives, such as ``"us"``, ``"eu"`` or ``"in"``; shown in CometChat's dashboard."""
    presence: PresenceScope = PresenceScope.none()
    """Whose presence the server should push."""
    auto_connect: bool = True
    """Whether login() opens the socket by itself."""
    admin_host: str | None = None
    """Another host for what needs the auth key; None: CometChat's for the region."""
    client_host: str | None = None
    """Another host for what needs an auth token; None: CometChat's for the region."""


@with_documented_names
class AppSettingsBuilder:
    """Builds AppSettings as CometChat's documentation has it; every setter returns the builder.

        settings = AppSettingsBuilder().subscribePresenceForAllUsers().setRegion("us").build()

    With none of the ``subscribe_presence_for_…`` methods called, no presence is received.  The
    last of several such calls wins, with a warning.

    In CometChat's docs: "Setup", "User Presence".
    """

    def __init__(self) -> None:
        self._region = ""
        self._presence: PresenceScope | None = None
        self._auto_connect = True
        self._admin_host: str | None = None
        self._client_host: str | None = None

    def subscribe_presence_for_all_users(self) -> Self:
        """Be told when any user of the app comes online or goes offline."""
        return self._subscribe(PresenceScope.all_users())

    def subscribe_presence_for_roles(self, roles: Collection[str]) -> Self:
        """Be told only about users who have one of these roles."""
        return self._subscribe(PresenceScope.roles(*check_texts(roles, "roles")))

    def subscribe_presence_for_friends(self) -> Self:
        """Be told only about friends of the user who logs in."""
        return self._subscribe(PresenceScope.friends())

    def set_region(self, region: str) -> Self:
        """The app's region, in any case; whether it exists is checked when a client is made."""
        self._region = check_text(region, "region").lower()
        return self

    def auto_establish_socket_connection(self, value: bool = True) -> Self:
        """False: login() opens no socket, connect() does.  True unless called."""
        self._auto_connect = check_flag(
            value, "auto_establish_socket_connection", "INVALID_PARAMETER"
        )
        return self

    def override_admin_host(self, host: str) -> Self:
        """Another host for what needs the auth key: ``host`` or ``host:port``, reached over TLS."""
        self._admin_host = check_text(host, "admin host")
        return self

    def override_client_host(self, host: str) -> Self:
        """Another host for what needs an auth token: ``host`` or ``host:port``, reached over TLS.

        The socket still goes to the host that the server names at login, over TLS; for an emulator
        without TLS set COMETPRESENCE_EMULATOR instead, which is about all of them.
        """
        self._client_host = check_text(host, "client host")
        return self

    def build(self) -> AppSettings:
        """The settings so far; the builder may go on and build others."""
        return AppSettings(
            region=self._region,
            presence=self._presence or PresenceScope.none(),
            auto_connect=self._auto_connect,
            admin_host=self._admin_host,
            client_host=self._client_host,
        )

    def _subscribe(self, scope: PresenceScope) -> Self:
        if self._presence is not None:
            warn(
                f"only one presence subscription is possible: {scope!r} replaces {self._presence!r}"
            )
        self._presence = scope
        return self

    if TYPE_CHECKING:
        subscribePresenceForAllUsers = subscribe_presence_for_all_users
        subscribePresenceForRoles = subscribe_presence_for_roles
        subscribePresenceForFriends = subscribe_presence_for_friends
        setRegion = set_region
        autoEstablishSocketConnection = auto_establish_socket_connection
        overrideAdminHost = override_admin_host
        overrideClientHost = override_client_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """When to try again after the connection failed; times in seconds.

    Full jitter: attempt n waits ``uniform(floor, min(cap, base * 2**n))``.
    """

    base: float = 1.0
    """The window of attempt 0, doubled with each further one."""
    cap: float = 30.0
    """No window is wider."""
    floor: float = 0.1
    """No wait is shorter."""
    max_attempts: int | None = None
    """None: for ever."""
    stable_after: float = 60.0
    """n starts anew only after the connection was healthy this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync:
    """When to compare the picture with the server's list of users; times in seconds."""

    on_connect: bool = True
    """After each connection; without it nobody is known to be online before they move."""
    audit_after: float | None = 30.0
    """Once more, this long after each connection, because the server's replicas lag."""
    every: float | None = None
    """And again, this often; None: never."""
    whole: bool = False
    """Page every user of the scope, not only those online."""
    page_size: int = 100
    """Users a page, 1 to 100."""
