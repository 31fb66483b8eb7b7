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
        if not self._follows(event, self.last.get(uid)):
            self.faults.append(f"{uid}: {event.previous} to {event.user.status}")
        if event.seq != self._seq + 1 and self._seq:
            self.faults.append(f"seq {event.seq} after {self._seq}")
        self._seq = event.seq
        self.last[uid] = event
        self.count[event.origin] += 1
        super().__call__(uid)
        if len(self.letters) > 1000:
            del self.letters[:500]

    @staticmethod
    def _follows(event: PresenceEvent, last: PresenceEvent | None) -> bool:
        if event.previous is event.user.status:
            return False
        if last is None:  # somebody of whom it was at most known that they were away
            return event.previous is not UserStatus.ONLINE
        return event.previous is last.user.status

    @property
    def online(self) -> set[str]:
        """Who is, for somebody who only listens."""
        return {uid for uid, event in self.last.items() if event.online}
