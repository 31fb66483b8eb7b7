"""Handlers that hear of a change only once it has lasted."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import _core
from .values import UserStatus

if TYPE_CHECKING:
    from ._core import Client, PresenceEvent

__all__ = ["Debounce"]

_MICROSECOND = 1e-6  # the core's clock is no finer


class Debounce:
    """One handler that is called `after` seconds after a change, unless it was taken back.

    The change waits here until the core says that all which happened up to then is known and
    told: so nothing is guessed while the client is disconnected or out of step, and a slow
    consumer comes to the same result.  One event waits per user.  All wait equally long, so they
    become due in the order in which they came, and that is all the queue there needs to be.

    Only drain() calls it, on one thread at a time.  Whatever ends the listener ends what waits.
    """

    def __init__(
        self,
        core: "Client",
        after: float,
        wants: "Callable[[PresenceEvent], bool]",
        deliver: "Callable[[PresenceEvent], object]",
    ) -> None:
        self._core = core
        self._after = after
        self._wants = wants
        self._deliver = deliver
        self._waiting: OrderedDict[str, tuple[float, PresenceEvent]] = OrderedDict()

    @property
    def handlers(self) -> dict[int, Callable[..., object]]:
        """What to register."""
        return {_core.PRESENCE: self._changed, _core.ALARM: self._elapsed}

    def _changed(self, event: "PresenceEvent") -> None:
        uid = event.user.uid.lower()
        # What users are told alternates, so this takes back what waits.  Nor does it wait itself:
        # the handler knows the user as it was before both.
        if self._waiting.pop(uid, None) is not None:
            self._core.count_flap()
        elif self._wants(event):
            self._waiting[uid] = (event.received_at + self._after, event)
        self._set_alarm()

    def _elapsed(self, known_until: float) -> object:
        event = self._take_lasting(known_until)
        self._set_alarm()  # first, as the handler may raise, and the next one may be due as well
        return None if event is None else self._deliver(event)

    def _take_lasting(self, known_until: float) -> "PresenceEvent | None":
        """The first event that waited long enough and still holds."""
        while self._waiting:
            uid, (due_at, event) = next(iter(self._waiting.items()))
            if due_at > known_until:
                return None
            del self._waiting[uid]
            known = self._core.find(uid)
            if known is not None and known.status is event.user.status:
                return event
            if known is not None and known.status is not UserStatus.UNKNOWN:
                # What takes this one back happened, but was not told yet.
                self._waiting[uid] = (known_until + self._after, event)
        return None

    def _set_alarm(self) -> None:
        if self._waiting:
            due_at, _ = next(iter(self._waiting.values()))
            self._core.set_alarm(due_at + _MICROSECOND)
