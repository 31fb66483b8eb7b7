"""Every event a client delivers, of every origin, checked as it comes."""

from collections import Counter

from python.inbox import Inbox

from cometpresence import Origin, PresenceClient, PresenceEvent, UserStatus


class Diary(Inbox):
    """An inbox of PresenceEvents that must alternate for each user, without gaps in `seq` once it
    has heard who was online when it came.

    It keeps what it checks, and of the events only the last of each user and their number.
    """

    def __init__(self, client: PresenceClient) -> None:
        super().__init__()
        self.last: dict[str, PresenceEvent] = {}
        self.count: Counter[Origin] = Counter()
        self.faults: list[str] = []
        self._seq = 0
        client.on_presence(self, origins=set(Origin))

    def __call__(self, event: PresenceEvent) -> None:
        uid = event.user.uid
        before = self.last[uid].user.status if uid in self.last else UserStatus.UNKNOWN
        if event.previous is not before or event.user.status is before:
            self.faults.append(f"{uid}: {event.previous} to {event.user.status}, was {before}")
        if event.seq != self._seq + 1 and self._seq:
            self.faults.append(f"seq {event.seq} after {self._seq}")
        self._seq = event.seq
        self.last[uid] = event
        self.count[event.origin] += 1
        super().__call__(uid)
        if len(self.letters) > 1000:
            del self.letters[:500]

    @property
    def online(self) -> set[str]:
        """Who is, for somebody who only listens."""
        return {uid for uid, event in self.last.items() if event.online}
