"""The sender and one peer, as processes that talk in lines of JSON."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "bench"


def node() -> str:
    return shutil.which("node") or "node"


class PeerError(Exception):
    """A process did not do what it was asked for."""


class Process:
    """One that was started here, is listened to, and does not outlive the block."""

    def __init__(self, command: Sequence[object], **environment: str) -> None:
        self.name = Path(str(command[0])).name
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._complaints: list[str] = []
        self._readers = [
            threading.Thread(target=read) for read in (self._read_lines, self._read_complaints)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def _read_lines(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _read_complaints(self) -> None:
        assert self._process.stderr
        self._complaints += self._process.stderr

    def tell(self, line: str) -> None:
        assert self._process.stdin
        print(line, file=self._process.stdin, flush=True)

    def hear(self, key: str, timeout: float) -> dict[str, Any]:
        """The next line that has this key."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise PeerError(f"{self.name}: no {key!r} in {timeout:.0f} s") from None
            if not line:
                raise PeerError(f"{self.name} ended: {''.join(self._complaints)[-2000:]}")
            if key in (facts := json.loads(line)):
                return facts

    def end(self, timeout: float) -> None:
        """Wait until it ends by itself."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise PeerError(f"{self.name} did not end in {timeout:.0f} s") from None
        if code:
            raise PeerError(f"{self.name} ended with {code}: {''.join(self._complaints)[-2000:]}")

    @property
    def pid(self) -> int:
        return self._process.pid


class Sender(Process):
    """What sends the frames; `port` is where."""

    def __init__(self, *arguments: object) -> None:
        super().__init__([BUILD / "sender", *arguments])
        self.port: int = self.hear("port", 10)["port"]

    def go(self, frames: int, rate: float = 0, stamps: object = "") -> None:
        self.tell(f"go {frames} {rate} {stamps}")
