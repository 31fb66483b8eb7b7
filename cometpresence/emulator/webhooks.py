"""Webhooks: what CometChat posts to a server when somebody connects or goes."""

import asyncio
import math
from base64 import b64encode
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from .journal import Journal
from .loopback import is_loopback
from .presence import ConnectionChange
from .wire import dumps, user_json

_MOST_WAITING = 10_000  # posts, and as many retries; a receiver that is further behind loses some
_LAST_CHANCE = 0.5  # seconds for what is waiting when the emulator stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where to post, and in which form."""

    url: str
    """http or https; a private authority is trusted with SSL_CERT_FILE in the environment.
    Without credentials in it: that is what `username` is for."""
    form: Literal["current", "legacy"] = "current"
    """``user_connection_status_changed``, or the older ``after_connection_status_changed``."""
    id: str = "presence"
    """What the body names as the webhook."""
    username: str = ""
    """With `password` sent as Basic authentication; "": none is sent."""
    password: str = field(default="", repr=False)
    """In no repr and no journal."""
    retry_after: tuple[float, ...] = (10.0, 30.0)
    """Seconds from a failed attempt to the next, in real time; as documented.  A later change of
    the same user may arrive before the next attempt: go by the timestamp."""
    timeout: float = 5.0
    """Seconds an attempt may take."""
    anywhere: bool = False
    """Whether the URL may be on another machine."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("a webhook's url is http:// or https://, a host and perhaps a port")
        if parts.username is not None:
            raise ValueError("a webhook's url has no credentials: use username and password")
        try:  # as the resolver will
            (URL(self.url).raw_host or "").encode("idna")
        except UnicodeError:
            raise ValueError(f"no host is called {parts.hostname!r}") from None
        if ":" in self.username or (self.password and not self.username):
            raise ValueError("a username has no colon in it, and a password needs a username")
        if not self.anywhere and not is_loopback(parts.hostname):
            raise ValueError(
                f"{parts.hostname} is another machine: anywhere=True, or "
                "--webhook-anywhere, if you mean it"
            )
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {self.form!r}")
        times = (*self.retry_after, self.timeout)
        if not all(math.isfinite(time) and time >= 0 for time in times) or self.timeout == 0:
            raise ValueError("retry_after and timeout are seconds")

    def headers(self) -> dict[str, str]:
        """What a post carries."""
        headers = {"Content-Type": "application/json"}
        if self.username:
            credentials = b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        return headers


@dataclass(slots=True)
class _Post:
    hook: Webhook
    document: dict[str, Any]
    attempt: int = 1


class Webhooks:
    """First attempts go out in order, one after the other for each webhook; retries when due."""

    def __init__(
        self, hooks: Collection[Webhook], app_id: str, region: str, journal: Journal
    ) -> None:
        self._hooks = tuple(hooks)
        self._about = {"appId": app_id, "region": region}
        self._journal = journal
        self._session: aiohttp.ClientSession | None = None
        self._queues: list[asyncio.Queue[_Post]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        if not self._hooks:
            return
        # A connection for each post: one that the receiver has ended meanwhile would cost a try.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        self._queues = [asyncio.Queue(_MOST_WAITING) for _ in self._hooks]
        for queue in self._queues:
            self._spawn(self._work(queue))

    async def stop(self) -> None:
        """What waits for its first attempt has a last chance; retries have not."""
        if self._session is None:
            return
        waiting = asyncio.gather(*(queue.join() for queue in self._queues))
        with suppress(TimeoutError):
            await asyncio.wait_for(waiting, _LAST_CHANCE)
        self._queues = []
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        self._session = None

    def report(self, change: ConnectionChange) -> None:
        """Nobody hears of what happens while the emulator does not run."""
        for hook, queue in zip(self._hooks, self._queues, strict=False):
            document = FORMS[hook.form](change) | self._about | {"webhook": hook.id}
            try:
                queue.put_nowait(_Post(hook, document))
            except asyncio.QueueFull:
                self._note(hook, "webhook_lost", uid=change.user.uid)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, queue: asyncio.Queue[_Post]) -> None:
        while True:
            await self._try(await queue.get())
            queue.task_done()

    async def _again(self, post: _Post, delay: float) -> None:
        await asyncio.sleep(delay)
        post.attempt += 1
        await self._try(post)

    async def _try(self, post: _Post) -> None:
        outcome, delivered = await self._send(post)
        left = post.hook.retry_after[post.attempt - 1 :]
        retry_in = left[0] if left and not delivered else None
        event = "webhook_delivered" if delivered else "webhook_failed"
        self._note(
            post.hook,
            event,
            attempt=post.attempt,
            outcome=outcome,
            retry_in=retry_in,
            body=post.document,
        )
        if retry_in is None:
            return
        if len(self._tasks) > _MOST_WAITING:
            self._note(post.hook, "webhook_lost", uid=post.document["data"]["user"]["uid"])
            return
        self._spawn(self._again(post, retry_in))

    async def _send(self, post: _Post) -> tuple[int | str, bool]:
        """The HTTP status, or what kept us from one; and whether it is as good as delivered.

        Our choice: any 2xx is.  A redirect is followed nowhere, for it may lead off this machine.
        """
        assert self._session is not None
        hook = post.hook
        try:
            async with self._session.post(
                hook.url,
                data=dumps(post.document).encode(),
                headers=hook.headers(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=hook.timeout),
            ) as answer:
                return answer.status, 200 <= answer.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__, False

    def _note(self, hook: Webhook, event: str, **facts: Any) -> None:
        url = urlsplit(hook.url)._replace(query="", fragment="").geturl()  # a query may be a secret
        self._journal.write("out", "lifecycle", event=event, webhook=hook.id, url=url, **facts)


def _current(change: ConnectionChange) -> dict[str, Any]:
    """Our choice: a user that was moved without a socket has no details of a connection."""
    connection: dict[str, Any] = {"action": "connected" if change.connected else "disconnected"}
    return {
        "trigger": "user_connection_status_changed",
        "data": {
            "timestamp": change.at * 1000,
            "user": user_json(change.user),
            "status": "online" if change.user.online else "offline",
            "currentConnection": connection | change.details,
            "userPresenceChanged": change.presence_changed,
        },
    }


def _legacy(change: ConnectionChange) -> dict[str, Any]:
    """Our choice where the time stands; that it is milliseconds is documented."""
    status = "online" if change.user.online else "offline"
    action = "connected" if change.connected else "disconnected"
    return {
        "trigger": "after_connection_status_changed",
        "data": {
            "user": user_json(change.user) | {"status": status},
            "event": {"type": action, "timestamp": change.at * 1000},
        },
    }


FORMS: dict[str, Callable[[ConnectionChange], dict[str, Any]]] = {
    "current": _current,
    "legacy": _legacy,
}
