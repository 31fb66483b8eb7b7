"""A minute in which everything goes wrong, then quiet: what is left must be the server's picture."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from trust.diary import Diary

from cometpresence import (
    AuthError,
    CometChatException,
    Origin,
    PresenceClient,
    PresenceEvent,
    Reconnect,
    Resync,
)
from cometpresence.emulator import Emulator, Fault

BOT = "bot"
STEP = 0.02  # the pace
MOVES = 10  # a step
QUIET = 1.0  # longer than any frame is under way, and than a dead link goes unnoticed


class Chaos:
    """Users of one emulator, a client of theirs, and somebody who throws faults at both."""

    def __init__(self, seed: int, users: int = 1000) -> None:
        self._random = random.Random(seed)
        self._uids = [f"u{n}" for n in range(users)]
        cast = [{"uid": uid, "online": self._random.random() < 0.5} for uid in self._uids]
        self.emulator = Emulator(users=[{"uid": BOT}, *cast], seed=seed, silence_timeout=20.0)
        self.fired: Counter[str] = Counter()
        self.moves = 0
        self._standing: list[tuple[float, Fault]] = []  # and when they end
        self._all: list[Fault] = []
        self._bag: list[str] = []

    # ---- the faults

    def _throw_one(self) -> None:
        """Each once, in a random order, before any comes again."""
        if not self._bag:
            self._bag = list(FAULTS)
            self._random.shuffle(self._bag)
        has_socket = self.emulator.client_count > 0
        fitting = [name for name in self._bag if has_socket or name not in NEED_A_SOCKET]
        if not fitting:
            return
        name = fitting[0]
        self._bag.remove(name)
        thrown = FAULTS[name](self.emulator, self._random)
        if isinstance(thrown, Fault):
            self._all.append(thrown)
            # Those with a count wait for their turn, the others pass.
            if thrown.left is None:
                lasting = self._random.uniform(0.05, 1.2 if name == "blackhole" else 0.3)
                self._standing.append((time.monotonic() + lasting, thrown))
        if name == "blackhole":  # which strikes nothing by itself
            self.fired[name] += 1
        elif not isinstance(thrown, Fault):
            self.fired[name] += thrown

    def _unfired(self) -> list[str]:
        struck = {fault.name for fault in self._all if fault.strikes > 0}
        return [name for name in FAULTS if name not in struck and not self.fired[name]]

    def _end_some(self, now: float) -> None:
        for until, fault in list(self._standing):
            if until <= now:
                fault.stop()
                self._standing.remove((until, fault))

    def _end_all(self) -> None:
        for fault in self._all:
            fault.stop()
            self.fired[fault.name] += fault.strikes

    # ---- the minute

    def run(self, seconds: float) -> "Outcome":
        with self.emulator:
            client = PresenceClient(
                **self.emulator.client_args(BOT),
                token_provider=lambda: self.emulator.auth_token(BOT),
                reconnect=Reconnect(base=0.05, cap=0.4, floor=0.01),
                resync=Resync(audit_after=2.0),
                ping_interval=0.5,
                ping_timeout=0.4,
                connect_timeout=2.0,
                queue_size=128,
            )
            with client:
                return self._live(client, seconds)

    def _live(self, client: PresenceClient, seconds: float) -> "Outcome":
        diary = Diary(client)
        refused = threading.Event()
        client.on_error(lambda error, where: isinstance(error, AuthError) and refused.set())
        client.on_presence(self._be_slow, origins=set(Origin))
        end = time.monotonic() + seconds
        turn = 0
        while (now := time.monotonic()) < end or (self._unfired() and now < end + seconds):
            self._move_some()
            self._end_some(now)
            turn += 1
            if turn % 6 == 0:
                self._throw_one()
            if refused.is_set():  # for good: what is left is to log in again
                refused.clear()
                self.fired["logged in again"] += 1
                with suppress(CometChatException):
                    client.login()
                refused.clear() if client.connection_status != "disconnected" else refused.set()
            time.sleep(STEP)
        self._end_all()
        return self._come_to_rest(client, diary)

    def _move_some(self) -> None:
        movers = self._random.sample(self._uids, MOVES)
        self.emulator.move(movers)
        self.moves += len(movers)

    def _be_slow(self, event: PresenceEvent) -> None:
        if event.seq % 300 == 1:
            self.fired["slow handler"] += 1
            time.sleep(0.5)  # the slow handler itself

    # ---- the quiet after it

    def _come_to_rest(self, client: PresenceClient, diary: Diary) -> "Outcome":
        time.sleep(QUIET)
        with suppress(CometChatException):
            client.login()  # answered from memory, unless it was refused at the very end
        client.connect()
        client.wait_synced(timeout=30.0)
        client.resync()
        truth = self.emulator.online
        with suppress(AssertionError):
            diary.wait_until(lambda _: diary.online == truth)
        return Outcome(self, client, diary, truth)


class Outcome:
    def __init__(
        self, chaos: Chaos, client: PresenceClient, diary: Diary, truth: frozenset[str]
    ) -> None:
        self.fired, self.moves = chaos.fired, chaos.moves
        self.truth, self.picture = truth, set(client.presence.online)
        self.told, self.faults = diary.online, list(diary.faults)
        self.origins, self.stats = dict(diary.count), client.stats()

    @property
    def ghosts(self) -> set[str]:
        return (self.picture | self.told) - self.truth

    @property
    def missed(self) -> set[str]:
        return self.truth - (self.picture & self.told)

    def summary(self) -> str:
        origins = {origin.name.lower(): count for origin, count in self.origins.items()}
        stats = self.stats
        return (
            f"{self.moves} moves, events {origins}, {stats.reconnects} reconnects, "
            f"{stats.resyncs} resyncs, {stats.coalesced} coalesced, "
            f"{len(self.ghosts)} ghosts, {len(self.missed)} missed, "
            f"{len(self.faults)} not alternating; fired: {dict(sorted(self.fired.items()))}"
        )


Thrower = Callable[[Emulator, random.Random], "Fault | int"]


def _expire(emulator: Emulator) -> int:
    emulator.expire_tokens()
    return 1


FAULTS: dict[str, Thrower] = {
    "close": lambda e, r: e.close_all(r.choice([1000, 1001, 1011, 1012, 4000, 4999])),
    "close without a frame": lambda e, r: e.close_all(clean=False),
    "kill_tcp": lambda e, r: e.kill_tcp(),
    "expire_tokens": lambda e, r: _expire(e),
    "refuse_connections": lambda e, r: e.refuse_connections(count=r.randrange(1, 4)),
    "blackhole": lambda e, r: e.blackhole(),
    "slow_upgrade": lambda e, r: e.slow_upgrade(0.2, count=1),
    "refuse_jwt": lambda e, r: e.refuse_jwt(count=1),
    "lose_events": lambda e, r: e.lose_events(count=r.randrange(1, 50)),
    "duplicate_events": lambda e, r: e.duplicate_events(3, count=r.randrange(1, 50)),
    "reorder_events": lambda e, r: e.reorder_events(r.randrange(2, 20)),
    "delay": lambda e, r: e.delay(0.1, jitter=0.1),
    "cap_presence": lambda e, r: e.cap_presence(r.randrange(300, 450)),
    "rate_limit": lambda e, r: e.rate_limit(retry_after=r.random()),
    "server_errors": lambda e, r: e.server_errors(count=r.randrange(1, 3)),
    "half_page": lambda e, r: e.half_page(),
    "moving_pages": lambda e, r: e.moving_pages(r.randrange(1, 9), count=3),
}

NEED_A_SOCKET = {"close", "close without a frame", "kill_tcp", "blackhole", "cap_presence"}
NEED_A_SOCKET |= {name for name in FAULTS if name.endswith("events")} | {"delay"}
