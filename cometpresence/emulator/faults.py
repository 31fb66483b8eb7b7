"""Misbehaviour on demand: what is switched on, and how often it may still strike."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, TypeGuard

from .journal import Journal
from .refusal import bad_request

REQUIRED: Final = object()

# Every fault that stays on for a while, with its settings and their defaults.
STANDING: Final[Mapping[str, Mapping[str, Any]]] = {
    "refuse_connections": {},
    "blackhole": {},
    "slow_upgrade": {"seconds": REQUIRED},
    "refuse_jwt": {},
    "rate_limit": {"retry_after": REQUIRED},
    "server_errors": {"status": 503},
    "half_page": {},
    "moving_pages": {"users": 1},
    "lose_events": {},
    "duplicate_events": {"times": 2},
    "reorder_events": {"window": 2},
    "delay": {"seconds": REQUIRED, "jitter": 0.0},
    "cap_presence": {"limit": 1000},
}

# Every fault that strikes at once and is over.
SHOTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "close_all": {"code": 1001, "clean": True},
    "kill_tcp": {},
    "expire_tokens": {},
    "send_raw": {"data": REQUIRED},
}

# Those that strike once unless told otherwise; the rest stay until stopped.
DEFAULT_COUNTS: Final[Mapping[str, int]] = {"rate_limit": 1, "server_errors": 1, "half_page": 1}

# Settings that are whole numbers; the other numbers are seconds, up to a day.
_WHOLE: Final[Mapping[str, range]] = {
    "code": range(1000, 5000),
    "status": range(400, 600),
    "users": range(1, 1_000_001),
    "times": range(1, 1_001),
    "window": range(1, 1_000_001),
    "limit": range(1_000_001),
}
_LONGEST: Final = 86_400


class Fault(AbstractContextManager["Fault"]):
    """One fault, in force from the call that made it until stop(), the end of its with-block, or
    the last of its `count` strikes."""

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        count: int | None,
        end: Callable[["Fault"], None],
    ) -> None:
        self.name = name
        """What it is called, as the Emulator's method that started it."""
        self.settings = settings
        """Its settings, defaults included."""
        self.left = count
        """How often it may still strike; None: any number of times."""
        self.strikes = 0
        """How often it has struck."""
        self.ended: asyncio.Event = asyncio.Event()
        """Set on the emulator's loop when it is over."""
        self.at_end: Callable[[], None] | None = None
        """Called on the emulator's loop when it is over."""
        self._end = end

    def stop(self) -> None:
        """End it.  Idempotent; from any thread."""
        self._end(self)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.stop()


class Faults:
    """The faults in force, by name.  Starting one again replaces it.  Used on the loop only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._active: dict[str, Fault] = {}

    def start(
        self,
        name: str,
        settings: Mapping[str, Any],
        *,
        count: int | None = None,
        end: Callable[[Fault], None] | None = None,
    ) -> Fault:
        """`end` is what stop() calls; a caller on another thread passes its road to ours."""
        whole = complete(name, settings)
        if count is not None and (complaint := wrong_with("count", count)) is not None:
            raise bad_request(f"{name} needs count, {complaint}")
        if (old := self._active.get(name)) is not None:
            self.end(old)
        fault = Fault(name, whole, count, end or self.end)
        self._active[name] = fault
        self._journal.write(
            "in", "lifecycle", event="fault_started", fault=name, settings=whole, count=count
        )
        return fault

    def find(self, name: str) -> Fault | None:
        return self._active.get(name)

    def active(self) -> list[Fault]:
        """In the order they were started."""
        return list(self._active.values())

    def strike(self, name: str) -> Fault | None:
        """The fault if it is in force, one strike used up."""
        fault = self._active.get(name)
        if fault is None:
            return None
        fault.strikes += 1
        if fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                self.end(fault)
        return fault

    def end(self, fault: Fault) -> None:
        if self._active.get(fault.name) is not fault:
            return  # over already, or replaced by a younger one
        del self._active[fault.name]
        self._journal.write(
            "in", "lifecycle", event="fault_ended", fault=fault.name, strikes=fault.strikes
        )
        fault.ended.set()
        if fault.at_end is not None:
            fault.at_end()

    def clear(self) -> None:
        for fault in list(self._active.values()):
            self.end(fault)

    async def passed(self, name: str) -> None:
        """Return once the fault is not in force."""
        while (fault := self._active.get(name)) is not None:
            await fault.ended.wait()


def settings_of(name: str) -> Mapping[str, Any]:
    """Those that the fault has, with their defaults."""
    if (settings := STANDING.get(name, SHOTS.get(name))) is None:
        raise bad_request(f"there is no fault called {name}")
    return settings


def complete(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` and the defaults of the others, or a Refusal."""
    defaults = settings_of(name)
    if unknown := set(settings) - set(defaults):
        raise bad_request(f"{name} has no setting {', '.join(sorted(unknown))}")
    whole = {**defaults, **settings}
    for key, value in whole.items():
        if (complaint := wrong_with(key, value)) is not None:
            raise bad_request(f"{name} needs {key}, {complaint}")
    return whole


def wrong_with(key: str, value: object) -> str | None:
    """What a setting of that name must be, if `value` is not; a count, too."""
    match key:
        case "clean":
            return None if isinstance(value, bool) else "true or false"
        case "data":
            return None if isinstance(value, str) else "a text"
        case "count":
            return None if is_whole(value) and value > 0 else "a whole number above 0, or none"
    if (allowed := _WHOLE.get(key)) is not None:
        bounds = f"{allowed.start} to {allowed.stop - 1}"
        return None if is_whole(value) and value in allowed else f"a whole number from {bounds}"
    if (is_whole(value) or isinstance(value, float)) and 0 <= value <= _LONGEST:
        return None
    return f"a number of seconds from 0 to {_LONGEST}"


def form_of(name: str) -> list[dict[str, Any]]:
    """The settings of a fault as a form asks for them."""
    return [
        {
            "name": key,
            "default": None if default is REQUIRED else default,
            "whole": key in _WHOLE,
            "min": _WHOLE[key].start if key in _WHOLE else 0,
            "max": _WHOLE[key].stop - 1 if key in _WHOLE else _LONGEST,
        }
        for key, default in STANDING[name].items()
    ]


def is_whole(value: object) -> TypeGuard[int]:
    """True is an int to Python; to whoever counts it is a mistake."""
    return isinstance(value, int) and not isinstance(value, bool)
