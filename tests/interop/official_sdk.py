"""The official JavaScript SDK as a Python object, and the school it visits."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from cometpresence.emulator import Emulator

HERE = Path(__file__).parent
PATIENCE = 20.0  # seconds; nothing here takes one

SCHOOL = [
    {
        "uid": "alice",
        "name": "Alice A",
        "role": "student",
        "friends": ["bob", "carol"],
        "blocked": ["frank"],
    },
    {"uid": "bob", "name": "Bob B", "role": "teacher", "tags": ["vip"]},
    {"uid": "carol", "name": "Carol C", "role": "student", "tags": ["vip", "new here"]},
    {"uid": "dave", "name": "Dave D", "role": "default", "lastActiveAt": 1_700_000_000},
    {"uid": "erin", "name": "Erin & E", "role": "teacher", "lastActiveAt": 1_700_000_900},
    {"uid": "frank", "name": "Frank F", "role": "student", "metadata": {"seat": 4}},
]


class SDKError(Exception):
    """What the SDK rejected a promise with."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(facts)
        self.code = facts.get("code")


class OfficialSDK:
    """One page with the SDK in it: a Node process that obeys one command at a time."""

    def __init__(self, emulator: Emulator) -> None:
        node = shutil.which("node")
        assert node, "Node is needed here; `make interop` brings one"
        self._emulator = emulator
        self._process = subprocess.Popen(
            [node, HERE / "official_sdk.cjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(emulator.ca_file)},
        )
        self._lines: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._commands = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._arrived:
                self._lines.append(json.loads(line))
                self._arrived.notify_all()

    def _await(self, wanted: Callable[[dict[str, Any]], bool], what: str, after: int = 0) -> Any:
        deadline = time.monotonic() + PATIENCE
        with self._arrived:
            while True:
                for line in self._lines[after:]:
                    if wanted(line):
                        return line
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"no {what}; the SDK said {self._lines[after:]}")

    def call(self, command: str, **options: Any) -> Any:
        """What the SDK's promise resolves with; SDKError when it rejects."""
        assert self._process.stdin
        self._commands += 1
        number = self._commands
        print(
            json.dumps({"id": number, "do": command, "with": options}),
            file=self._process.stdin,
            flush=True,
        )
        answer = self._await(lambda line: line.get("id") == number, f"answer to {command}")
        if "error" in answer:
            raise SDKError(answer["error"])
        return answer["ok"]

    def init(self, subscribe: str | None = "all", **options: Any) -> None:
        emulator = self._emulator
        self.call(
            "init",
            appId=emulator.app_id,
            region=emulator.region,
            host=emulator.url.partition("://")[2].rstrip("/"),
            subscribe=subscribe,
            **options,
        )

    def login(self, uid: str) -> Any:
        """Log in and wait until the server took the socket: only then is the user online."""
        before = self._emulator.journal[-1]["n"]
        user = self.call("login", uid=uid, authKey=self._emulator.auth_key)
        self._emulator.wait_for(
            lambda entry: entry.get("event") == "socket_authenticated" and entry["uid"] == uid,
            after=before,
            timeout=PATIENCE,
        )
        return user

    def users(self, **build: Any) -> list[list[dict[str, Any]]]:
        """The pages a UsersRequest gives until the empty one."""
        self.call("buildUsersRequest", name="users", build=build)
        pages = []
        while page := self.call("fetchNext", name="users"):
            pages.append(page)
        return pages

    def events(self, *names: str) -> list[dict[str, Any]]:
        with self._arrived:
            return [line for line in self._lines if line.get("event") in names]

    def mark(self) -> int:
        """A place in what it has said so far, for event(after=…)."""
        with self._arrived:
            return len(self._lines)

    def event(self, name: str, *, after: int = 0, uid: str | None = None) -> Any:
        """The first such event; waits for it."""

        def wanted(line: dict[str, Any]) -> bool:
            return line.get("event") == name and uid in (None, (line.get("user") or {}).get("uid"))

        return self._await(wanted, f"{name} {uid or ''}", after)


def presence_body(emulator: Emulator, uid: str, action: str) -> Any:
    """The body of the frame that told of it, as the emulator's journal has it."""

    def told(entry: Mapping[str, Any]) -> bool:
        if entry.get("type") != "presence":
            return False
        body = entry["frame"]["body"]
        return bool(body["user"]["uid"] == uid and body["action"] == action)

    return emulator.wait_for(told)["frame"]["body"]
