"""Shared by all Python tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "isolated/scripts"

# A developer's own settings must not reach the tests.
for name in [name for name in os.environ if name.startswith(("COMETPRESENCE_", "COMETCHAT_"))]:
    del os.environ[name]

# A shell's background job ignores Ctrl-C, and so would every script that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# ---- @pytest.mark.beside("script"): begun before the first test, looked at after the last


def script_beside(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("beside")
    return None if marker is None else marker.args[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: script_beside(item) is not None)


@pytest.fixture(scope="session", autouse=True)
def scripts_beside(request: pytest.FixtureRequest) -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    names = {name for item in request.session.items if (name := script_beside(item)) is not None}
    scripts = {
        name: subprocess.Popen(
            [sys.executable, SCRIPTS / f"{name}.py"],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in names
    }
    yield scripts
    for script in scripts.values():
        script.kill()
        script.communicate()


@pytest.fixture
def beside(
    request: pytest.FixtureRequest, scripts_beside: dict[str, "subprocess.Popen[str]"]
) -> "subprocess.Popen[str]":
    """The script of this test, which may have ended by now."""
    name = script_beside(request.node)
    assert name is not None
    return scripts_beside[name]
