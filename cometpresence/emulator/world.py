"""Everything the parts of one emulator share.  Touched on the emulator's loop only."""

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from .agenda import Agenda
from .clock import MICROSECONDS, Clock
from .credentials import AuthToken, Credentials
from .delivery import Delivery
from .faults import Faults
from .journal import Journal
from .journal_file import JournalFile
from .keeper import Found, Keeper
from .notices import Notices
from .presence import Presence
from .quota import Quota, RateLimits
from .redaction import Redactor
from .refusal import Refusal
from .roles import Roles
from .scenario import read_scenario
from .settings import Settings
from .state import State, read_state
from .users import Directory, User, wants_online
from .webhooks import Webhook, Webhooks


class World:
    def __init__(
        self,
        *,
        app_id: str,
        region: str,
        auth_key: str,
        rest_api_key: str,
        admin_token: str,
        initial: Mapping[str, Any],
        keeper: Keeper,
        clock: Clock,
        seed: int | None,
        source: random.Random,
        strict: bool,
        rate_limits: RateLimits | None,
        webhooks: Collection[Webhook],
        presence_cap: int | None,
        auth_timeout: float,
        silence_timeout: float,
        chat_on_one_port: bool,
        journal_file: JournalFile | None,
    ) -> None:
        self.app_id = app_id
        self.region = region
        self.auth_key = auth_key
        self.rest_api_key = rest_api_key
        self.admin_token = admin_token
        self.clock = clock
        self.strict = strict
        self.auth_timeout = auth_timeout
        self.silence_timeout = silence_timeout
        self.chat_on_one_port = chat_on_one_port
        self.before_page: Callable[[int], None] | None = None
        self.host = ""  # where it is to listen, as its maker said
        self.address = ""  # host:port, once listening
        self.tls = False
        self.agenda: Agenda = Agenda(clock)
        self.quota: Quota | None = None if rate_limits is None else Quota(rate_limits, clock)
        self._presence_cap = presence_cap
        self._initial = initial
        self.begin: Callable[[], None] = lambda: None  # what happens by itself

        secrets = (auth_key, rest_api_key, admin_token, *(hook.password for hook in webhooks))
        self.rng: random.Random = random.Random(seed or 0)
        self.journal: Journal = Journal(clock, Redactor(secrets), journal_file)
        self.notices: Notices = Notices(self.journal)
        self.users: Directory = Directory(keeper.told_of("user"))
        self.roles: Roles = Roles(keeper.told_of("role"))
        self.credentials: Credentials = Credentials(source, keeper.told_of("auth_token"))
        self.state: State = State(self.users, self.roles, self.credentials)
        self.faults: Faults = Faults(self.journal)
        delivery = Delivery(self.faults, self.journal, self.rng)
        self.presence: Presence = Presence(
            app_id, self.users, clock, delivery, self.faults, self.journal
        )
        self.keeper: Keeper = keeper
        self._settings = Settings(self, keeper.told_of("setting"))
        keeper.keep(
            setting=self._settings,
            role=self.roles,
            user=self.users,
            auth_token=self.credentials,
        )
        self.webhooks: Webhooks = Webhooks(webhooks, app_id, region, self.journal)
        self.presence.report = self.webhooks.report
        self._populate()

    def reset(self) -> None:
        """As it was made: no sockets, no tokens, no faults, the first users, an empty journal."""
        self.faults.clear()
        self._end_sockets("reset")
        self.journal.clear()
        self.notices.clear()
        self.clock.restart()
        self._populate()
        self.begin()

    def export_state(self, *, auth_tokens: bool) -> dict[str, Any]:
        things = self.state.document(auth_tokens=auth_tokens)
        return {**things, "app_id": self.app_id, "region": self.region}

    def import_state(self, document: object) -> None:
        """Have the state of a document instead, or with a ValueError what there was."""
        state = read_state(document, now=self.clock.seconds())
        self._end_sockets("another state")
        self._become(state)
        self.journal.write("in", "lifecycle", event="state_imported", users=len(self.users))

    def take_up(self, kept: Found) -> None:
        """Have what was kept instead, if anything was; from now on, all there is is kept."""
        if kept:
            self.clock.move_to(kept.get("setting", {}).get("clock", 0))
            kinds = ("role", "user", "auth_token")
            document = {f"{kind}s": list(kept.get(kind, {}).values()) for kind in kinds}
            try:
                state = read_state(document, now=self.clock.seconds())
            except ValueError as error:
                raise OSError(f"{self.keeper.path} is damaged: {error}") from error
            self._become(state)
        self.keeper.take_charge(is_new=not kept)
        self.begin()
        self.keeper.commit()

    def _populate(self) -> None:
        self._become(read_state(self._initial, now=self.clock.seconds()))
        if self._presence_cap is not None:
            self.faults.start("cap_presence", {"limit": self._presence_cap})

    def _become(self, state: State) -> None:
        """What was to come was about others."""
        self.agenda.clear()
        self.state.become(state)
        self.keeper.replaced()

    def _end_sockets(self, reason: str) -> None:
        for connection in list(self.presence.open.values()):
            connection.close(1001, reason)
        self.presence.left(*self.presence.open.values())

    def add_user(self, record: Mapping[str, Any]) -> User:
        """Somebody new; coming online is an event like any other."""
        comes_online = wants_online(record)
        profile = {key: value for key, value in record.items() if key not in ("online", "status")}
        user = self.users.add(profile, now=self.clock.seconds())
        self.roles.ensure(user.role, now=self.clock.seconds())
        self.journal.write("in", "lifecycle", event="user_added", uid=user.uid)
        if comes_online:
            self.presence.hold_online(user.uid)
        return user

    def play(self, scenario: str) -> float:
        """Have it happen from now on; what is due happens at once.  Seconds until the last step."""
        steps = read_scenario(scenario, lambda uid: self.users.find(uid) is not None)
        begin = self.clock.micros()
        for step in steps:
            user = self.users.get(step.uid)
            self.agenda.add(begin + step.at, partial(self.show, user, online=step.online))
        self.agenda.catch_up(begin)
        return steps[-1].at / MICROSECONDS

    def advance(self, seconds: float) -> None:
        """Move the manual clock, and on the way do what is due, each step at its own time."""
        end = self.clock.micros() + round(seconds * MICROSECONDS)
        self.agenda.catch_up(end)
        self.clock.move_to(end)
        self._settings.changed("clock")

    def show(self, user: User, *, online: bool) -> None:
        """As it was planned, unless the user was deleted or deactivated meanwhile."""
        if self.users.find(user.uid) is user and not user.deactivated_at:
            change = self.presence.hold_online if online else self.presence.send_offline
            change(user.uid)

    def new_token(self, user: User) -> AuthToken:
        """Our choice: nobody logs in as a deactivated user; they are as good as unknown."""
        if user.deactivated_at:
            raise Refusal("ERR_UID_NOT_FOUND", f"the user {user.uid} is deactivated")
        return self.credentials.new_token(user.uid, now=self.clock.seconds())

    def remove_user(self, user: User) -> None:
        self._sign_out(user, "the user was deleted")
        self.users.remove(user)
        self.journal.write("in", "lifecycle", event="user_removed", uid=user.uid)

    def deactivate(self, user: User) -> None:
        """Our choice: it ends the tokens and sockets there are."""
        self._sign_out(user, "the user was deactivated")
        user.deactivated_at = user.deactivated_at or self.clock.seconds()
        self.users.changed(user)

    def _sign_out(self, user: User, reason: str) -> None:
        self.credentials.revoke_all_of(user.uid)
        sockets = self.presence.sockets_of(user)
        for connection in sockets:
            connection.close(1008, reason)
        self.presence.left(*sockets)
        self.presence.send_offline(user.uid)

    def move_some(self, number: int) -> None:
        """Random users without a socket come or go."""
        free = [
            user.uid
            for user in self.users
            if not user.deactivated_at and not self.presence.has_socket(user)
        ]
        self.move(self.rng.sample(free, min(number, len(free))))

    def move(self, uids: Iterable[str]) -> None:
        """Who is online goes, who is not comes."""
        for uid in uids:
            if self.users.get(uid).online:
                self.presence.send_offline(uid)
            else:
                self.presence.hold_online(uid)
