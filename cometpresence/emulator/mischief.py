"""The faults as actions: what a test, or an admin call, can make the emulator do wrong."""

from collections.abc import Callable, Mapping
from typing import Any

from .faults import DEFAULT_COUNTS, SHOTS, STANDING, Fault, complete
from .frames import text_frame
from .world import World


class Mischief:
    """Runs on the loop.  Standing faults are started by name; SHOTS are methods of their names."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(
        self,
        name: str,
        settings: Mapping[str, Any],
        count: int | None = None,
        end: Callable[[Fault], None] | None = None,
    ) -> Fault:
        return self._world.faults.start(name, settings, count=count, end=end)

    def close_all(self, code: int = 1001, *, clean: bool = True) -> int:
        complete("close_all", {"code": code, "clean": clean})
        connections = list(self._world.presence.open.values())
        for connection in connections:
            if clean:
                connection.close(code, "closed by the emulator")
            else:
                connection.cut()
        self._world.presence.left(*connections)
        return len(connections)

    def kill_tcp(self) -> int:
        connections = list(self._world.presence.open.values())
        for connection in connections:
            connection.reset()
        self._world.presence.left(*connections)
        return len(connections)

    def expire_tokens(self) -> None:
        self._world.credentials.revoke_all()
        self._world.journal.write("in", "lifecycle", event="tokens_expired")

    def send_raw(self, data: bytes | str) -> None:
        live = self._world.presence.live()
        raw = text_frame(data) if isinstance(data, str) else bytes(data)
        for connection in live:
            connection.write(raw)
        self._world.journal.write(
            "out",
            "ws",
            sockets=[connection.number for connection in live],
            type="raw",
            binary=not isinstance(data, str),
            frame=data if isinstance(data, str) else data.decode("ascii", "backslashreplace"),
        )

    def by_name(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The admin call: {"count", ...settings} starts a fault, {"stop": true} ends it."""
        if name in SHOTS:
            settings = complete(name, arguments)
            hit = getattr(self, name)(**settings)
            return {} if hit is None else {"sockets": hit}
        if arguments.get("stop") and name in STANDING:
            if (fault := self._world.faults.find(name)) is not None:
                fault.stop()
            return {"active": False}
        settings = {key: value for key, value in arguments.items() if key != "count"}
        self.start(name, settings, arguments.get("count", DEFAULT_COUNTS.get(name)))
        return {"active": True}
