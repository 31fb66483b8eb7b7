"""A server that webhooks are posted to: the standard library's, knowing nothing of cometpresence."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PATIENCE = 10.0


@dataclass(frozen=True)
class Posted:
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


class Receiver:
    """Answers with the statuses given, then with 200 for ever; keeps what it got."""

    def __init__(self, *statuses: int) -> None:
        self.posted: list[Posted] = []
        self._statuses = list(statuses)
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def get(self, count: int) -> list[Posted]:
        """The first `count` posts; waits for them."""
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self.posted) >= count, PATIENCE)
            assert enough, f"{len(self.posted)} of {count} posts came"
            return self.posted[:count]

    def _take(self, posted: Posted) -> int:
        with self._arrived:
            self.posted.append(posted)
            self._arrived.notify_all()
            return self._statuses.pop(0) if self._statuses else 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = take(Posted(self.path, self.headers, body, time.monotonic()))
                self.send_response(status)
                if status in (301, 307):
                    self.send_header("Location", self.path + "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Not to stderr."""

        return Handler
