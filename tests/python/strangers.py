"""Programs as a stranger would run them: the README's snippets, and the recipes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from cometpresence.emulator import Emulator

BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """As a stranger's: nothing of ours but the package's commands, and lines as they come."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COMET")}
    return clean | {"PATH": f"{BIN}:{clean['PATH']}", "PYTHONUNBUFFERED": "1"} | more


def for_client(emulator: Emulator) -> dict[str, str]:
    return environment(
        COMETPRESENCE_EMULATOR=emulator.url,
        COMETCHAT_APP_ID=emulator.app_id,
        COMETCHAT_REGION=emulator.region,
        COMETCHAT_UID="superhero1",
        COMETCHAT_AUTH_KEY=emulator.auth_key,
    )


class Script:
    """A program that is talked to through its standard streams."""

    def __init__(
        self,
        command: list[str],
        cwd: Path,
        env: dict[str, str],
        stdin: int | IO[str] = subprocess.PIPE,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._said: list[str] = []

    def __enter__(self) -> "Script":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def expect(self, text: str) -> str:
        """The next line that has `text` in it."""
        assert self._process.stdout
        for line in self._process.stdout:
            self._said.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came:\n{''.join(self._said)}")

    def line(self) -> str:
        """The next line it says."""
        assert self._process.stdout
        return self._process.stdout.readline().rstrip("\n")

    def press_enter(self, line: str = "") -> None:
        """After having typed `line`."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def end_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.stdin = None

    def terminate(self) -> None:
        self._process.terminate()

    def press_ctrl_c(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def ends_well(self) -> bool:
        return self._process.wait(10) == 0
