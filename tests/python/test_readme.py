"""Every snippet of the README runs, as a stranger would run it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cometpresence.emulator import Emulator

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


FIVE_LINES, STREAM, ON_ASYNCIO, DOCUMENTED, IN_TESTS, IN_PYTEST, HISTORY = blocks("python")
MAKE, START_EMULATOR, RUN_WATCH = blocks("sh")
EMULATOR_URL = "http://127.0.0.1:7000"


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


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


class Script:
    """A program that is talked to through its standard streams."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
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
        assert self._process.stdout
        for line in self._process.stdout:
            self._said.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came:\n{''.join(self._said)}")

    def press_enter(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def terminate(self) -> None:
        self._process.terminate()

    def press_ctrl_c(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def ends_well(self) -> bool:
        return self._process.wait(10) == 0


def watch(script: Script, emulator: Emulator, arrival: str, departure: str) -> None:
    script.expect("Watching")
    emulator.wait_for_client()  # a login returns before the socket is there
    emulator.set_online("superhero2")
    script.expect(arrival)
    emulator.set_offline("superhero2")
    script.expect(departure)
    script.press_enter()
    assert script.ends_well()


def test_five_lines(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "watch.py").write_text(FIVE_LINES)
    with Script([sys.executable, "watch.py"], tmp_path, for_client(emulator)) as script:
        watch(script, emulator, "hello Captain America", "bye Captain America last seen 20")


def test_a_stream(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "stream.py").write_text(STREAM)
    emulator.set_online("superhero3")
    with Script([sys.executable, "stream.py"], tmp_path, for_client(emulator)) as script:
        script.expect("Spiderman online")
        emulator.set_online("superhero2")
        script.expect("Captain America online")
        assert script.ends_well()


def test_on_asyncio(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "on_asyncio.py").write_text(ON_ASYNCIO)
    emulator.set_online("superhero3")
    with Script([sys.executable, "on_asyncio.py"], tmp_path, for_client(emulator)) as script:
        script.expect("Spiderman online")
        emulator.set_offline("superhero3")
        script.expect("bye Spiderman")
        emulator.set_online("superhero3")
        assert script.ends_well()


def test_the_words_of_the_documentation(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "documented.py").write_text(DOCUMENTED)
    with Script([sys.executable, "documented.py"], tmp_path, for_client(emulator)) as script:
        watch(script, emulator, "Captain America online 1", "superhero2 last seen 1")


def test_an_emulator_inside_a_test(tmp_path: Path) -> None:
    (tmp_path / "inside.py").write_text(IN_TESTS)
    with Script([sys.executable, "inside.py"], tmp_path, environment()) as script:
        script.expect("Captain America is here")
        assert script.ends_well()


def test_a_history(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "history.py").write_text(HISTORY)
    emulator.set_online("superhero2")
    with Script([sys.executable, "history.py"], tmp_path, for_client(emulator)) as script:
        wait_for_change(tmp_path / "presence.db", emulator)
        script.press_ctrl_c()
        script.expect("online 20")
        script.expect("Captain America 20")
        assert script.ends_well()


def wait_for_change(history: Path, emulator: Emulator) -> None:
    """Until somebody who comes and goes is in the file."""
    deadline = time.monotonic() + 10
    while not (history.exists() and b"Spiderman" in in_file(history)):
        assert time.monotonic() < deadline
        emulator.set_online("superhero3")
        emulator.set_offline("superhero3")
        time.sleep(0.05)


def in_file(history: Path) -> bytes:
    return b"".join(path.read_bytes() for path in history.parent.glob("presence.db*"))


def test_a_test_of_a_bot(tmp_path: Path) -> None:
    (tmp_path / "test_bot.py").write_text(IN_PYTEST)
    with Script([sys.executable, "-m", "pytest"], tmp_path, environment()) as script:
        script.expect("1 passed")
        assert script.ends_well()


def test_an_emulator_in_one_terminal_and_a_script_in_another(tmp_path: Path) -> None:
    (tmp_path / "watch.py").write_text(FIVE_LINES)
    # Any free port: 7000 may be somebody's.
    start = START_EMULATOR.replace("--port 7000", "--port 0")
    assert start != START_EMULATOR
    assert EMULATOR_URL in RUN_WATCH
    with Script(["sh", "-c", f"exec {start}"], tmp_path, environment()) as server:
        url = json.loads(server.expect("{"))["url"]
        run = RUN_WATCH.replace(EMULATOR_URL, url)
        with Script(["sh", "-c", run], tmp_path, environment()) as script:
            script.expect("Watching")
            script.press_enter()
            assert script.ends_well()
        server.terminate()
        assert server.ends_well()


@pytest.mark.timeout(600)  # outside `make test` it may have to build everything first
def test_make_demo() -> None:
    demo, test = (line.split("#")[0].split() for line in MAKE.splitlines())
    assert test == ["make", "test"]  # is what runs this
    made_here = Path(sys.prefix, ".created").exists()  # a venv of the Makefile's: use it again
    options = [f"VENV={sys.prefix}"] if made_here else []
    with Script([*demo, *options], ROOT, environment()) as script:
        assert '"equal": true' in script.expect('"equal"')
        assert script.ends_well()
