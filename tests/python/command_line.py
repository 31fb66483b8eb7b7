"""The command line as people and programs meet it: in this process, in one of its own, on a terminal."""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from cometpresence.cli.commands import cometpresence
from cometpresence.emulator import Emulator

COMMAND = [sys.executable, "-m", "cometpresence"]
PATIENCE = 20.0
TOKENS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\n|[^\x1b\r\n]+")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(emulator: Emulator | None, uid: str = "alice") -> dict[str, str]:
    """The variables to log in with, if there is where, and nothing that would change what is
    printed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("COMET")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        ours.pop(name, None)
    ours |= {"XDG_CONFIG_HOME": "/nonexistent", "TERM": "xterm-256color"}
    if emulator is None:
        return ours
    return ours | {
        "COMETPRESENCE_EMULATOR": emulator.url,
        "COMETPRESENCE_CA_FILE": emulator.ca_file or "",
        "COMETCHAT_APP_ID": emulator.app_id,
        "COMETCHAT_UID": uid,
        "COMETCHAT_AUTH_KEY": emulator.auth_key,
    }


def invoke(emulator: Emulator, *arguments: str, **changes: str) -> Result:
    """In this process; its output is no terminal."""
    variables = environment(emulator) | changes
    return CliRunner().invoke(cometpresence, arguments, env=variables)


def lines_of(result: Result) -> list[dict[str, Any]]:
    """What a command that ended well printed."""
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def steps_of(emulator: Emulator, *arguments: str, **changes: str) -> tuple[int, dict[str, Any]]:
    """What the doctor says: the exit code, and each step by its name."""
    result = invoke(emulator, "doctor", "--timeout", "5", *arguments, **changes)
    assert result.stderr == ""
    steps = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, {step["step"]: step for step in steps}


@contextmanager
def started(emulator: Emulator, *arguments: str, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """In a process of its own, through pipes; it ends with the block, if not before."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(emulator) | changes,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def open_terminal() -> tuple[int, int]:
    """Both of its ends.  Only where no /dev/pts is mounted, as in some root folders, there is none
    to be had."""
    try:
        return pty.openpty()
    except OSError as error:
        if Path("/dev/pts/ptmx").exists():
            raise
        pytest.skip(f"there are no terminals to be had here: {error}")


class Terminal:
    """A command on a terminal of its own, and what is seen there."""

    def __init__(
        self,
        emulator: Emulator | None,
        *arguments: str,
        uid: str = "alice",
        cwd: Path | None = None,
        rows: int = 24,
        columns: int = 100,
        **changes: str,
    ) -> None:
        self._master, slave = open_terminal()
        self._set_size(rows, columns)
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment(emulator, uid) | changes,
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.raw = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def text(self) -> str:
        """All that was ever shown, without colors and movements."""
        return ESCAPES.sub("", self.raw)

    @property
    def screen(self) -> str:
        """What stands there now, with colors but without movements, as far as rich moves: up,
        over whole lines, and over all of it."""
        lines, row = [""], 0
        for token in TOKENS.findall(self.raw):
            if token == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif token.startswith("\x1b[") and token[-1] == "A":
                row = max(0, row - int(token[2:-1] or 1))
            elif token.startswith("\x1b[") and token[-1] == "K":
                lines[row] = ""
            elif token == "\x1b[2J":  # and to the beginning, which follows
                lines, row = [""], 0
            elif not token.startswith("\x1b[") or token[-1] == "m":
                lines[row] += token
        return "\n".join(lines)

    def wait_until(self, seen: Callable[[str], object]) -> None:
        """Until `seen` is true of the text; the test fails when it never is."""
        deadline = time.monotonic() + PATIENCE
        while not seen(self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"it was never seen:\n{self.text[-3000:]}"
            assert self._read(left), f"it ended without that:\n{self.text[-3000:]}"

    def resize(self, rows: int, columns: int) -> None:
        """Another size, and long lines wrapped anew, as most terminals do."""
        self._set_size(rows, columns)
        lines = ESCAPES.sub("", self.screen).split("\n")
        self.raw = "\n".join(
            line[start : start + columns]
            for line in lines
            for start in range(0, max(1, len(line)), columns)
        )

    def _set_size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """What is printed until it ends by itself, and its exit code."""
        while self._read(PATIENCE):
            pass
        return self._process.wait(timeout=PATIENCE)

    def _read(self, timeout: float) -> bool:
        """Take what comes; False at the end."""
        ready, _, _ = select.select([self._master], [], [], timeout)
        try:
            chunk = os.read(self._master, 65536) if ready else b""
        except OSError:  # the other side is closed
            return False
        self.raw += self._decoder.decode(chunk)
        return bool(chunk)
