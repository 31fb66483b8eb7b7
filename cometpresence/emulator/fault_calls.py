"""What the Emulator does wrong on demand, as methods of its own."""

from typing import Any

from .calls import Calls
from .faults import DEFAULT_COUNTS, STANDING, Fault, form_of
from .mischief import Mischief


class FaultCalls(Calls):
    """What an Emulator does wrong, from the call on: stop(), or the end of a with-block, ends it."""

    _mischief: Mischief

    def close_all(self, code: int = 1001, *, clean: bool = True) -> int:
        """Close every WebSocket with `code`, or without a close frame; how many there were."""
        return self._call(lambda: self._mischief.close_all(code, clean=clean))

    def kill_tcp(self) -> int:
        """End every WebSocket with an RST; how many there were."""
        return self._call(self._mischief.kill_tcp)

    def refuse_connections(self, *, count: int | None = None) -> Fault:
        """Close new TCP connections as soon as they are accepted."""
        return self._fault("refuse_connections", count)

    def blackhole(self) -> Fault:
        """Sockets stay open and nothing comes back: no events, no pongs, no answers."""
        return self._fault("blackhole")

    def slow_upgrade(self, seconds: float, *, count: int | None = None) -> Fault:
        """Answer WebSocket upgrades only after `seconds`."""
        return self._fault("slow_upgrade", count, seconds=seconds)

    def refuse_jwt(self, *, count: int | None = None) -> Fault:
        """Answer good jwts at the socket as if they were bad."""
        return self._fault("refuse_jwt", count)

    def lose_events(self, *, count: int | None = None) -> Fault:
        """Send no events: `count` of them, None: none at all."""
        return self._fault("lose_events", count)

    def duplicate_events(self, times: int = 2, *, count: int | None = None) -> Fault:
        """Send each event `times` times."""
        return self._fault("duplicate_events", count, times=times)

    def reorder_events(self, window: int = 2, *, count: int | None = None) -> Fault:
        """Hold back `window` events, then send them backwards; the end sends what is held."""
        return self._fault("reorder_events", count, window=window)

    def delay(self, seconds: float, *, jitter: float = 0.0, count: int | None = None) -> Fault:
        """Send events `seconds` late, and up to `jitter` more; they keep their order."""
        return self._fault("delay", count, seconds=seconds, jitter=jitter)

    def cap_presence(self, limit: int = 1000) -> Fault:
        """No events while more than `limit` users are online, as on the platform."""
        return self._fault("cap_presence", limit=limit)

    def rate_limit(self, *, retry_after: float, count: int = 1) -> Fault:
        """Answer the next `count` REST requests with 429."""
        return self._fault("rate_limit", count, retry_after=retry_after)

    def server_errors(self, *, status: int = 503, count: int = 1) -> Fault:
        """Answer the next `count` REST requests with `status`."""
        return self._fault("server_errors", count, status=status)

    def half_page(self, *, count: int = 1) -> Fault:
        """Break off the next `count` pages of users in the middle of the body."""
        return self._fault("half_page", count)

    def moving_pages(self, users: int = 1, *, count: int | None = None) -> Fault:
        """Before each page of users is made, `users` random ones come or go: the pages after it
        begin somewhere else than they did when the one before was made."""
        return self._fault("moving_pages", count, users=users)

    def expire_tokens(self) -> None:
        """Forget every auth token and jwt; open sockets stay."""
        self._call(self._mischief.expire_tokens)

    def send_raw(self, data: bytes | str) -> None:
        """Text as one text frame, bytes as they are, to every authenticated socket."""
        self._call(lambda: self._mischief.send_raw(data))

    def _fault(self, name: str, count: int | None = None, **settings: float) -> Fault:
        end = self._world.faults.end

        def end_from_anywhere(fault: Fault) -> None:
            self._call(lambda: end(fault))

        return self._call(lambda: self._mischief.start(name, settings, count, end_from_anywhere))


def catalogue() -> list[dict[str, Any]]:
    """The faults that stay on, in the words of the methods, and what each asks for."""
    methods = {name: getattr(FaultCalls, name) for name in STANDING}
    return [
        {
            "name": name,
            "about": " ".join((method.__doc__ or "").split()),
            "settings": form_of(name),
            "counted": "count" in (method.__kwdefaults__ or {}),
            "count": DEFAULT_COUNTS.get(name),
        }
        for name, method in methods.items()
    ]
