"""A recorded session, told again to whoever is connected now."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .calls import Calls
from .clock import MICROSECONDS
from .connection import Connection
from .mischief import Mischief
from .recording import Recording, read_recording
from .users import profile_of
from .world import World

_SAID_ANYWAY = ("auth", "pong", "close")  # by the conversation with who is connected now


class Replay:
    """The server's half of what `uid` saw, into the agenda: frames, closing of sockets, and in
    silence who came and went, so that REST agrees with the frames."""

    def __init__(
        self, world: World, mischief: Mischief, recording: Recording, uid: str, speed: float
    ) -> None:
        self._world = world
        self._mischief = mischief
        self._sessions: dict[int, str] = {}  # of their recorded connections
        self._gone: set[int] = set()  # connections that were closed by the client
        first = recording.begin_of(uid)
        self._lines = recording.lines[first:]
        self._uid = uid
        self._speed = speed

    def begin(self) -> float:
        """From now on; what is due happens at once.  Seconds until the last."""
        begin, last = self._world.clock.micros(), 0
        for line in self._lines:
            if (action := self._action_of(line)) is not None:
                seconds = line["at"] - self._lines[0]["at"]
                last = round(seconds * MICROSECONDS / self._speed)
                self._world.agenda.add(begin + last, action)
        self._world.agenda.catch_up(begin)
        return last / MICROSECONDS

    def _action_of(self, line: Mapping[str, Any]) -> Callable[[], None] | None:
        match line.get("event"):
            case "authenticated" if line["uid"] == self._uid:
                self._sessions[line["connection"]] = line["session"]
            case "online" | "offline" as status:
                return partial(self._move, line["uid"], status == "online", line["timestamp"])
            case "closing" if line["connection"] in self._sessions.keys() - self._gone:
                return partial(self._close, line["code"], clean=line["clean"])
        if line.get("direction") == "in" and line["type"] == "close":
            self._gone.update(line["connections"])
        if line.get("direction") != "out" or line["type"] in _SAID_ANYWAY or line.get("binary"):
            return None
        ours = [number for number in line["connections"] if number in self._sessions]
        return partial(self._tell, line.get("frame"), self._sessions[ours[0]]) if ours else None

    def _move(self, uid: str, online: bool, at: int) -> None:
        """But for those who are connected now: what they are is no recording."""
        user = self._world.users.find(uid)
        if user is not None and not self._world.presence.has_socket(user):
            self._world.presence.assume(user, online=online, at=at)

    def _close(self, code: int, *, clean: bool) -> None:
        """All that are open; a reset is an end without a word."""
        self._mischief.close_all(code if 1000 <= code <= 4999 else 1001, clean=clean)

    def _tell(self, frame: Any, session: str) -> None:
        """In the name of this app, and each of their own session by the name it has now."""
        if not isinstance(frame, dict):
            self._mischief.send_raw(str(frame))
            return
        self._introduce(frame)
        for connection in self._world.presence.live():
            connection.send(self._addressed(frame, session, connection))

    def _addressed(
        self, frame: dict[str, Any], session: str, connection: Connection
    ) -> dict[str, Any]:
        own = frame.get("deviceId") == session
        return (
            frame
            | {"appId": self._world.app_id}
            | ({"deviceId": connection.session} if own else {})
        )

    def _introduce(self, frame: Mapping[str, Any]) -> None:
        """Who was added while it was recorded."""
        body = frame.get("body")
        if frame.get("type") != "presence" or not isinstance(body, dict):
            return
        user = body.get("user")
        if isinstance(user, dict) and self._world.users.find(str(user.get("uid"))) is None:
            self._world.add_user({"uid": user["uid"], **profile_of(user)})
            self._move(user["uid"], body["action"] == "online", body["timestamp"])


class ReplayCalls(Calls):
    """What an Emulator has heard before."""

    _mischief: Mischief

    def replay(
        self,
        path: str | Path,
        *,
        as_seen_by: str | None = None,
        speed: float = 1.0,
        verify: bool = True,
    ) -> float:
        """Tell all clients that are connected what a recorded one was told, as with play() by this
        emulator's clock; a recording is what ``Emulator(record=…)`` makes.

            with Emulator.from_recording("bug.jsonl", clock="manual") as emulator:
                ...                                        # connect the client
                emulator.advance(emulator.replay("bug.jsonl"))

        It is the session of `as_seen_by`, or of the first who was let in, and begins with that:
        frames, malformed ones too if they were text, and the closing of sockets.  Who comes and
        goes in it does so over REST, too.  `speed` is 2.0 for twice as fast, ``math.inf`` for all
        at once.  Returns the seconds until the last.  A ValueError says that the file is torn, was
        changed, or is no recording; without `verify` whole lines are good enough.
        """
        if not speed > 0 or math.isnan(speed):
            raise ValueError("speed must be above 0")
        recording = read_recording(path, verify=verify)
        uid = recording.seen_by(as_seen_by)
        replay = Replay(self._world, self._mischief, recording, uid, speed)
        return self._call(replay.begin)
