"""Clients as they are usually written, to prove that the scenarios here are hard: they must fail
where cometpresence does not.  They know nothing of it."""

from collections.abc import Callable
from contextlib import suppress

import aiohttp
from python.emulator_client import Client, Socket

from cometpresence.emulator import Emulator

BOT = "bot"
PAGE = 2


class NaiveClient:
    """Believes what is pushed, connects again when the socket ends, and asks nothing."""

    def __init__(self, emulator: Emulator) -> None:
        self._client = Client(emulator, BOT)
        self.online: set[str] = set()
        self._socket: Socket
        self._connect()

    def _connect(self) -> None:
        self._socket = self._client.dial()
        body = {"presenceSubscription": "ALL_USERS"}
        self._socket.send(self._client.auth_frame(self._socket, **body))
        self._learn()

    def _learn(self) -> bool:
        """Take all that was sent until now; False: the socket has ended."""
        with suppress(aiohttp.ClientConnectionResetError):  # what came before is still there
            self._socket.send({"action": "ping", "ack": "true"})
        while (message := self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
            frame = message.json()
            if frame.get("action") == "pong":
                return True
            if frame.get("type") == "presence":
                change = self.online.add if self._is_coming(frame) else self.online.discard
                change(frame["sender"])
        return False

    @staticmethod
    def _is_coming(frame: dict[str, dict[str, str]]) -> bool:
        return frame["body"]["action"] == "online"

    def settle(self, is_settled: Callable[[], bool]) -> bool:
        """Whether the picture is right in the end."""
        while not self._learn():
            self._connect()
        return is_settled()

    def close(self) -> None:
        self._client.close()


class OnePassClient(NaiveClient):
    """Lists who is online once on each connection, as well."""

    def _connect(self) -> None:
        super()._connect()
        listed: set[str] = set()
        page = 1
        while uids := self._client.users(status="available", per_page=PAGE, page=page).uids:
            listed.update(uids)
            page += 1
        self._learn()  # what came meanwhile is in the picture, when the list replaces it
        self.online = listed
