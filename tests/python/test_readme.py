"""Every snippet of the README runs, as a stranger would run it."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from python.history_file import wait_for_sessions
from python.strangers import Script, environment, for_client

from cometpresence.emulator import Emulator

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


FIVE_LINES, STREAM, ON_ASYNCIO, DOCUMENTED, IN_TESTS, IN_PYTEST, HISTORY = blocks("python")
MAKE, START_EMULATOR, RUN_WATCH = blocks("sh")
EMULATOR_URL = "http://127.0.0.1:7000"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


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
        wait_for_sessions(tmp_path / "presence.db", "superhero2", bool)
        emulator.set_online("superhero3")
        wait_for_sessions(tmp_path / "presence.db", "superhero3", bool)
        script.press_ctrl_c()
        script.expect("online 20")
        script.expect("Captain America 20")
        assert script.ends_well()


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
