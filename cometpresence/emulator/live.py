"""What a control page is told as it happens: who is online, what goes wrong, what the journal says.

Server-sent events.  The first, `hello`, is the whole picture; each `news` after it what changed.
"""

import asyncio
from typing import Any

from aiohttp import web

from .faults import Fault
from .journal import Entry
from .refusal import Refusal
from .users import User
from .wire import dumps
from .world import World

_MOST_PAGES = 16
_MOST_USERS = 2_000  # on a page; more is no help to anybody
_MOST_ENTRIES = 200  # of the journal at once; what is older is skipped
_LONGEST_ENTRY = 4_096  # characters
_PAUSE = 0.1  # seconds between two messages, so that a thousand moves are one
_HEARTBEAT = 15.0  # seconds; a page that went away is noticed when we write


class View:
    """One page, and what it was told so far."""

    def __init__(self, world: World) -> None:
        self.changed: asyncio.Event = asyncio.Event()
        self.is_over = False
        self._world = world
        self._users: dict[str, dict[str, Any]] = {}
        self._next_entry = 0

    def hello(self) -> str:
        world = self._world
        about = {"app_id": world.app_id, "region": world.region, "address": world.address}
        return _message("hello", {"about": about, **self._changes()})

    def news(self) -> str:
        return _message("news", self._changes())

    def _changes(self) -> dict[str, Any]:
        world = self._world
        entries, skipped = world.journal.since(self._next_entry, most=_MOST_ENTRIES)
        if entries:
            self._next_entry = entries[-1]["n"] + 1
        return {
            "users": self._changed_users(),
            "counts": {
                "users": len(world.users),
                "online": len(world.users.online()),
                "sockets": world.presence.live_count,
            },
            "faults": [_fault_json(fault) for fault in world.faults.active()],
            "journal": [_shortened(entry) for entry in entries if not _is_of_a_page(entry)],
            "skipped": skipped,
        }

    def _changed_users(self) -> list[dict[str, Any]]:
        """Rows that are new or other than before; of who is gone only the uid."""
        rows = dict[str, dict[str, Any]]()
        for user in self._world.users:
            rows[user.uid] = self._row(user)
            if len(rows) == _MOST_USERS:
                break
        before, self._users = self._users, rows
        changed = [row for uid, row in rows.items() if before.get(uid) != row]
        return changed + [{"uid": uid, "gone": True} for uid in before.keys() - rows.keys()]

    def _row(self, user: User) -> dict[str, Any]:
        return {
            "uid": user.uid,
            "name": user.name,
            "role": user.role,
            "online": user.online,
            "sockets": len(self._world.presence.sockets_of(user)),
            "lastActiveAt": user.last_active_at,
            "deactivated": bool(user.deactivated_at),
        }


class LiveViews:
    """All the pages that are open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._views: set[View] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if len(self._views) >= _MOST_PAGES:
            raise Refusal("ERR_TOO_MANY_REQUESTS", f"{_MOST_PAGES} control pages are open already")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        view = View(self._world)
        self._views.add(view)
        try:
            with self._world.journal.followed(view.changed.set):
                await response.prepare(request)
                await _tell(view, response)
        except ConnectionError:
            pass  # the page was closed, perhaps while it had not read all
        finally:
            self._views.discard(view)
        return response

    async def end(self, _: object = None) -> None:
        """Let go of the pages: the emulator stops."""
        for view in self._views:
            view.is_over = True
            view.changed.set()


async def _tell(view: View, response: web.StreamResponse) -> None:
    """Slowly, if the page reads slowly: what it missed meanwhile becomes one message."""
    message = view.hello()
    while not view.is_over:
        await response.write(message.encode())
        await asyncio.sleep(_PAUSE)
        try:
            async with asyncio.timeout(_HEARTBEAT):
                await view.changed.wait()
        except TimeoutError:
            message = ":\n\n"
            continue
        view.changed.clear()
        message = view.news()


def _message(event: str, data: object) -> str:
    return f"event: {event}\ndata: {dumps(data)}\n\n"


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {"name": fault.name, "settings": fault.settings, "left": fault.left}


def _is_of_a_page(entry: Entry) -> bool:
    """What pages ask for themselves is no news to them; what comes of it has entries of its own."""
    return entry["kind"] == "rest" and str(entry.get("path", "")).startswith("/_emulator")


def _shortened(entry: Entry) -> Entry:
    if len(dumps(entry)) <= _LONGEST_ENTRY:
        return entry
    kept = {name: value for name, value in entry.items() if len(dumps(value)) < 256}
    return kept | {"cut": "more in the journal itself"}
