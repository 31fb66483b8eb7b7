"""A client in a process of its own: one of scripts/, and a conversation with it, line by line."""

import os
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM

from cometpresence.emulator import Emulator

SCRIPTS = Path(__file__).parent / "scripts"
PATIENCE = 30.0  # an interpreter on a busy machine may take its time


class Script:
    """One of the scripts, running; ended with its with-block, whatever it does."""

    def __init__(
        self, name: str | Path, emulator: Emulator, *options: str, **variables: str
    ) -> None:
        arguments = repr(emulator.client_args("superhero1"))
        self._process = subprocess.Popen(
            [sys.executable, "-X", "dev", SCRIPTS / f"{name}.py", arguments, *options],
            env=os.environ | variables,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> "Script":
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """The next line it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def interrupt(self) -> None:
        self._process.send_signal(SIGINT)

    def terminate(self) -> None:
        self._process.send_signal(SIGTERM)

    def end(self, within: float = PATIENCE) -> tuple[int, str]:
        """The exit code, and what it complained about."""
        out, err = self._process.communicate(timeout=within)
        assert out == ""
        return self._process.returncode, err
