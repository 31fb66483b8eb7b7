"""The Emulator: a local CometChat on a thread of its own, steered from any thread."""

import asyncio
import concurrent.futures
import json
import math
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from .cast import UserSource, initial_state
from .clock import Clock, ClockKind
from .credentials import mint, source_of
from .fault_calls import FaultCalls
from .journal import Entry
from .journal_file import JournalFile
from .keeper import opened
from .mischief import Mischief
from .performance import Performance
from .quota import RateLimits
from .recording import RecordingFile, read_recording
from .replay import ReplayCalls
from .scenario_file import read_scenario_file
from .server import Server
from .state_calls import StateCalls
from .webhooks import Webhook
from .world import World

_T = TypeVar("_T")

_JOIN_TIMEOUT = 5.0
_CALL_TIMEOUT = 30.0  # a call takes microseconds; this only ends the wait for a loop that died


class Emulator(StateCalls, FaultCalls, ReplayCalls, AbstractContextManager["Emulator"]):
    """A CometChat app with users, listening on `host`:`port` (0: a free port, kept over restarts).

    `users` are mappings, or Paths of JSON files, or one such path; without any there is a default
    cast, superhero1 to superhero5.  `scenario` is the path of a TOML file with users of its own,
    the hours at which they are online, and faults at their times, an example of which
    ``cometpresence emulator scenario example`` prints.  `strict` refuses what the documentation
    forbids (more than 100 users a page, more than 25 uids) instead of making the best of it.
    ``clock="manual"`` stands still at a time of its own until advance(); with a `seed`, too, runs
    that are steered alike are alike: dice, keys, tokens and jwts, which others can then guess.
    `rate_limits` are the service's, None: there are none.  `webhooks` are posted to while the
    emulator runs.  The journal is added to `journal_file`, too, as JSON lines.

    With `data`, a SQLite file, users, roles, friends, tokens, the keys, `app_id` and `region` outlive
    the emulator, kill -9 included: what was answered is in it, though a failure of power may take
    the latest away.  A later emulator goes on from there, with `users` for a new file only.  Who was
    online is not now.  From the making until stop() the file is this emulator's alone; an OSError
    says that it is another's, cannot be written, or is something else.

    `record` is a new file for the session of frames from start() to stop(), without secrets, which
    replay() plays.

    Every public method may be called from any thread: it hops to the emulator's loop and waits.
    Before start() and after stop() it acts on the state at once.  An argument that makes no sense
    is a ValueError.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        seed: int | None = None,
        clock: ClockKind = "real",
        users: UserSource = (),
        scenario: str | Path | None = None,
        strict: bool = True,
        app_id: str | None = None,
        region: str | None = None,
        auth_key: str | None = None,
        rest_api_key: str | None = None,
        ca_out: str | Path | None = None,
        presence_cap: int | None = None,
        rate_limits: RateLimits | None = None,
        webhooks: Collection[Webhook] = (),
        auth_timeout: float = 5.0,
        silence_timeout: float = 45.0,
        chat_on_one_port: bool = False,
        journal_file: str | Path | None = None,
        data: str | Path | None = None,
        record: str | Path | None = None,
    ) -> None:
        for name in (app_id, region):
            if name == "" or not isinstance(name, str | None):
                raise ValueError(f"app_id and region must be text and not empty, not {name!r}")
        self._record = record
        self._recording: RecordingFile | None = None
        self._host = host
        self._port = port
        self._admin_port = 0
        self._certificates = None
        if tls:
            from .certificates import Certificates  # costs an import only TLS should pay

            self._certificates = Certificates(host, ca_out)
        initial, source = initial_state(users), source_of(seed)
        journal = None if journal_file is None else JournalFile(journal_file)
        self._clock = Clock(clock)
        script = None
        if scenario is not None:
            if users:
                raise ValueError("a scenario has users of its own: leave out users=")
            script = read_scenario_file(scenario, now=self._clock.micros())
            self._clock = Clock(clock, script.start)
            initial = {"users": script.users, "roles": script.roles}
        keeper, kept = opened(data, app_id)
        known = kept.get("setting", {})
        self.app_id: str = app_id or known.get("app_id", "emulator")
        """What clients call this app."""
        self.region: str = region or known.get("region", "us")
        """The region clients must name."""
        self.auth_key: str = auth_key or known.get("auth_key") or mint("key_", source)
        """What logs a uid in, besides an auth token."""
        self.rest_api_key: str = rest_api_key or known.get("rest_api_key") or mint("rest_", source)
        """What the management API asks for: users, roles, friends and auth tokens."""
        self.admin_token: str = mint("admin_")
        """What admin calls must bring: ``Authorization: Bearer <admin_token>``."""
        try:
            self._world: World = World(
                app_id=self.app_id,
                region=self.region,
                auth_key=self.auth_key,
                rest_api_key=self.rest_api_key,
                admin_token=self.admin_token,
                initial=initial,
                keeper=keeper,
                clock=self._clock,
                seed=seed,
                source=source,
                strict=strict,
                presence_cap=presence_cap,
                rate_limits=rate_limits,
                webhooks=tuple(webhooks),
                auth_timeout=auth_timeout,
                silence_timeout=silence_timeout,
                chat_on_one_port=chat_on_one_port,
                journal_file=journal,
            )
            self._mischief = Mischief(self._world)
            if script is not None:
                performance = Performance(self._world, self._mischief, script, seed or 0)
                self._world.begin = performance.begin
            self._world.take_up(kept)
        except BaseException:
            keeper.close()
            raise
        self._world.tls = tls
        self._world.host = host
        self._server = Server(self._world, self._mischief)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    # ---- life

    def start(self) -> Self:
        """Listen; returns once connections are accepted."""
        if self._thread is not None:
            raise RuntimeError("the emulator is running already")
        self._reopen()
        ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(ready)), name="emulator", daemon=True
        )
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._thread.join(_JOIN_TIMEOUT)
            self._thread = None
            self._world.keeper.close()
            raise
        return self

    def _reopen(self) -> None:
        """`data` was let go of if we were stopped, and others may have been there."""
        keeper = self._world.keeper
        if keeper.open():
            try:
                self._world.take_up(keeper.load())
            except BaseException:
                keeper.close()
                raise

    def stop(self) -> None:
        """Close every socket, free the port, let go of `data`, join the thread.  Idempotent."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        if thread is not None and loop is not None and stopping is not None:
            loop.call_soon_threadsafe(stopping.set)
            thread.join(_JOIN_TIMEOUT)
            self._thread = None
        self._world.keeper.close()

    async def _live(self, ready: concurrent.futures.Future[None]) -> None:
        try:
            tls = None
            if self._certificates is not None:
                tls = self._certificates.server_context()
                self._certificates.publish()
            self._begin_recording()
            self._port = await self._server.start(self._host, self._port, tls)
            self._admin_port = await self._server.open_admin_door(self._admin_port)
            self._world.address = f"{self._shown_host}:{self._port}"
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        except BaseException as error:
            await self._server.stop()
            self._end_recording()
            ready.set_exception(error)
            return
        self._world.journal.write("in", "lifecycle", event="started", url=self.url)
        self._world.agenda.follow_clock()
        ready.set_result(None)
        await self._stopping.wait()
        self._world.agenda.rest()
        self._end_recording()
        await self._server.stop()
        self._loop = None
        self._world.journal.write("in", "lifecycle", event="stopped")
        if self._certificates is not None:
            self._certificates.withdraw()

    def _begin_recording(self) -> None:
        if self._record is not None:
            journal = self._world.journal
            header = journal.redacted(self._world.export_state(auth_tokens=False))
            self._recording = RecordingFile(self._record, header, self._clock.now())
            journal.listener = self._recording.take

    def _end_recording(self) -> None:
        if self._recording is not None:
            self._world.journal.listener = None
            self._recording.end()
            self._recording = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.stop()

    # ---- where it is, and how to log in

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:7000``; RuntimeError before start()."""
        if not self._world.address:
            raise RuntimeError("the emulator has no address before it is started")
        return f"{'https' if self._world.tls else 'http'}://{self._world.address}"

    @property
    def admin_url(self) -> str:
        """Where admin calls get through whatever fault is in force; RuntimeError before start().

        On a loopback port of its own, plain HTTP.  The same calls are answered under
        ``/_emulator`` of `url`, where blackhole() and refuse_connections() keep them out like
        any other new connection.
        """
        if not self._admin_port:
            raise RuntimeError("the emulator has no address before it is started")
        return f"http://127.0.0.1:{self._admin_port}/_emulator"

    def control_link(self) -> str:
        """A link to the control page that logs one browser in, once: for your own eyes.

        The page shows who is online and what goes on, live, and steers both; it is at `admin_url`,
        for whoever is logged in.  RuntimeError before start().
        """
        base = self.admin_url.removesuffix("/_emulator")
        return base + self._call(self._server.access.new_link)

    @property
    def ca_file(self) -> str | None:
        """The CA certificate clients must trust; None without TLS."""
        return None if self._certificates is None else self._certificates.ca_file

    def client_args(self, uid: str) -> dict[str, Any]:
        """Keyword arguments for a PresenceClient that logs in here as `uid`."""
        return {
            "app_id": self.app_id,
            "region": self.region,
            "uid": uid,
            "auth_key": self.auth_key,
            "endpoint": self.url,
            "ca_file": self.ca_file,
        }

    @property
    def uids(self) -> list[str]:
        """Of all users, in the order in which they were added."""
        return self._call(lambda: [user.uid for user in self._world.users])

    def auth_token(self, uid: str) -> str:
        """A new auth token of `uid`, as your backend would ask for one; for login(auth_token=…)
        and as a `token_provider`."""
        world = self._world
        return self._call(lambda: world.new_token(world.users.get(uid)).text)

    # ---- state

    def add_user(
        self,
        uid: str,
        *,
        name: str = "",
        role: str = "default",
        friends: Collection[str] = (),
        online: bool = False,
        **fields: Any,
    ) -> None:
        """`fields`: anything a user file may say, such as avatar, tags or metadata."""
        record = {
            **fields,
            "uid": uid,
            "name": name,
            "role": role,
            "friends": list(friends),
            "online": online,
        }
        self._call(lambda: self._world.add_user(record))

    def set_online(self, uid: str, /, *, at: int | None = None) -> None:
        """Online as if on another device, until set_offline(); `at` is the frame's timestamp, in
        Unix seconds; None: the emulator's clock."""
        self._call(lambda: self._world.presence.hold_online(uid, at))

    def set_offline(self, uid: str, /, *, at: int | None = None) -> None:
        """Offline, whatever sockets are open; `at` is the frame's timestamp, in Unix seconds."""
        self._call(lambda: self._world.presence.send_offline(uid, at))

    def move(self, uids: Iterable[str], /) -> None:
        """Who is online goes, who is not comes, all of them in one turn: thousands a second."""
        self._call(lambda: self._world.move(uids))

    @property
    def online(self) -> frozenset[str]:
        """The truth a client's picture is measured against: the uids that are online."""
        return self._call(self._world.users.online)

    def advance(self, seconds: float) -> None:
        """Move the manual clock, which tells the time of timestamps and scenarios.

        Timeouts, of the emulator and of clients, stay in real time.  RuntimeError without
        ``clock="manual"``.
        """
        if not self._clock.is_manual:
            raise RuntimeError("advance() needs Emulator(clock='manual')")
        if not 0 <= seconds < math.inf:
            raise ValueError("seconds must be 0 or more: time does not run backwards")
        self._call(lambda: self._world.advance(seconds))

    def play(self, scenario: str) -> float:
        """Have users come and go by the emulator's clock, as the words say:

            emulator.play("alice online at 0, offline at 5; bob online at 1.5m")
            emulator.advance(5)                     # alice is gone again

        Commas, semicolons and line ends separate the steps.  Times count from now, in seconds or
        with a unit (s, m, h).  A step without a uid is about the user of the one before, a step
        without a time at the same time; who is online, or offline, already stays so.  What is due
        happens at once, the rest when its time comes: with ``clock="manual"``, as above, when
        advance() comes to it, its own time being the timestamp.

        Returns the seconds until the last step: ``emulator.advance(emulator.play(…))`` plays all.
        A ValueError points at the word that is wrong, and nothing was done.
        """
        return self._call(lambda: self._world.play(scenario))

    @property
    def before_page(self) -> Callable[[int], None] | None:
        """Called on the emulator's thread with the page number before each page of users is made;
        what it changes is in that page."""
        return self._world.before_page

    @before_page.setter
    def before_page(self, hook: Callable[[int], None] | None) -> None:
        self._world.before_page = hook

    def reset(self) -> None:
        """Back to how it was made: sockets closed, tokens, faults and what play() planned gone, the
        journal empty; a scenario file begins anew."""
        self._call(self._world.reset)

    @classmethod
    def from_file(cls, path: str | Path, **kw: Any) -> Self:
        """An emulator with the users, app_id and region of a JSON file, as export() writes it;
        `kw` are further arguments and win."""
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if isinstance(document, dict):
            for name in ("app_id", "region"):
                if name in document:
                    kw.setdefault(name, document[name])
        return cls(users=path, **kw)

    @classmethod
    def from_recording(
        cls, path: str | Path, *, as_seen_by: str | None = None, verify: bool = True, **kw: Any
    ) -> Self:
        """An emulator with the users that replay() begins with, and app_id and region of the
        recording; `kw` are further arguments and win."""
        recording = read_recording(path, verify=verify)
        begin = recording.begin_of(recording.seen_by(as_seen_by))
        for name in ("app_id", "region"):
            kw.setdefault(name, recording.header[name])
        return cls(users=recording.users_when(begin), **kw)

    # ---- what was seen

    @property
    def journal(self) -> list[Entry]:
        """Everything received and sent so far, in order, secrets redacted.  A copy."""
        return self._world.journal.entries()

    def wait_for(
        self, predicate: Callable[[Entry], bool], /, *, timeout: float = 5.0, after: int = -1
    ) -> Entry:
        """The first journal entry that satisfies `predicate`, now or within `timeout`.

        `after` is the `n` of an entry: only later ones count.
        """
        return self._world.journal.wait_for(predicate, timeout=timeout, after=after)

    @property
    def client_count(self) -> int:
        """How many sockets are authenticated."""
        return self._world.presence.live_count

    def wait_for_client(self, *, count: int = 1, timeout: float = 5.0) -> None:
        """Until at least `count` sockets are authenticated at the same time."""
        journal, presence = self._world.journal, self._world.presence
        if not journal.wait_until(lambda: presence.live_count >= count, timeout=timeout):
            raise TimeoutError(
                f"{presence.live_count} of {count} clients authenticated within {timeout:g} s"
            )

    # ---- how

    @property
    def _shown_host(self) -> str:
        """An address clients can use: a wildcard is no destination."""
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"[{host}]" if ":" in host else host

    def _call(self, action: Callable[[], _T]) -> _T:
        """Run `action` on the loop and wait for it; at once if we are there or nothing runs."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or thread is threading.current_thread():
            return self._kept(action)
        answer: concurrent.futures.Future[_T] = concurrent.futures.Future()

        def act() -> None:
            try:
                answer.set_result(self._kept(action))
            except BaseException as error:
                answer.set_exception(error)

        try:
            loop.call_soon_threadsafe(act)
        except RuntimeError:  # the loop closed since we looked
            return self._kept(action)
        return answer.result(_CALL_TIMEOUT)

    def _kept(self, action: Callable[[], _T]) -> _T:
        """What it changed is on disk before the caller knows."""
        keeper = self._world.keeper
        before = keeper.count
        result = action()
        keeper.commit(since=before)
        return result
